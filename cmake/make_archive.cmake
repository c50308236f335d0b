# Makes FOLDER/NAME.tar.gz of the last commit of SOURCE, with all files in the folder NAME.
find_program(GIT git REQUIRED)
find_program(GZIP gzip REQUIRED)
set(tar "${FOLDER}/${NAME}.tar")
# Settings of the user, such as the access bits of files and the ends of lines, must not count.
execute_process(
  COMMAND "${GIT}" -c tar.umask=0022 -c core.autocrlf=false -c core.eol=lf archive --format=tar
          "--prefix=${NAME}/" "--output=${tar}" HEAD
  WORKING_DIRECTORY "${SOURCE}" COMMAND_ERROR_IS_FATAL ANY)
# -n: neither a name nor a time.
execute_process(COMMAND "${CMAKE_COMMAND}" -E env --unset=GZIP "${GZIP}" -9 -n -f "${tar}"
                COMMAND_ERROR_IS_FATAL ANY)
file(SHA512 "${tar}.gz" hash)
message("${tar}.gz\nSHA512 ${hash}")
