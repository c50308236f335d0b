"""The recipe of Conan 2: `conan create packaging/conan`. It packages the source tree that it is a part of."""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir


class BytesHandoffConan(ConanFile):
    name = "bytes-handoff"
    description = "Owned bytes at an Asio boundary: bounded read buffers and write queues"
    license = "MIT"
    topics = ("asio", "buffer", "queue", "backpressure")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "shared": [True, False],
        "fPIC": [True, False],
        "asio": [True, False],
        "boost_asio": [True, False],
        "expected": ["tl", "std"],
    }
    default_options = {
        "shared": False,
        "fPIC": True,
        "asio": True,
        "boost_asio": False,
        "expected": "tl",
    }
    implements = ["auto_shared_fpic"]

    def set_version(self):
        """The version of the project stands in CMakeLists.txt alone."""
        text = load(self, os.path.join(self.recipe_folder, "..", "..", "CMakeLists.txt"))
        self.version = re.search(r"^\s*VERSION (\d+\.\d+\.\d+)$", text, re.MULTILINE)[1]

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*"):
            copy(self, pattern, src=root, dst=self.export_sources_folder)

    def requirements(self):
        # Public headers include all of them.
        if self.options.expected == "tl":
            self.requires("tl-expected/[>=1.0 <2]", transitive_headers=True)
        if self.options.asio:
            self.requires("asio/[>=1.22 <2]", transitive_headers=True)
        if self.options.boost_asio:
            self.requires("boost/[>=1.81 <2]", transitive_headers=True)

    def validate(self):
        check_min_cppstd(self, 23 if self.options.expected == "std" else 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["BYTES_HANDOFF_BUILD_EXAMPLES"] = False
        toolchain.cache_variables["BYTES_HANDOFF_EXPECTED"] = str(self.options.expected)
        if self.options.asio:
            includes = self.dependencies["asio"].cpp_info.includedirs
            toolchain.cache_variables["StandaloneAsio_INCLUDE_DIR"] = includes[0]
        else:
            toolchain.cache_variables["CMAKE_DISABLE_FIND_PACKAGE_StandaloneAsio"] = True
        if not self.options.boost_asio:
            toolchain.cache_variables["CMAKE_DISABLE_FIND_PACKAGE_Boost"] = True
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        # Conan makes its own.
        for folder in ("lib/cmake", "lib/pkgconfig", "share"):
            rmdir(self, os.path.join(self.package_folder, folder))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "bytes_handoff")
        core = self._component("core", ["tl-expected::tl-expected"] if self.options.expected == "tl" else [])
        core.libs = ["bytes_handoff_core"]
        if self.settings.os in ("Linux", "FreeBSD"):
            core.system_libs = ["pthread"]
        self._component("testing", ["core"]).libs = ["bytes_handoff_testing"]
        if self.options.asio:
            self._flavour("asio", "BYTES_HANDOFF_STANDALONE_ASIO", "asio::asio",
                          ["ASIO_HAS_CO_AWAIT", "ASIO_HAS_STD_COROUTINE"])
        if self.options.boost_asio:
            self._flavour("boost_asio", "BYTES_HANDOFF_BOOST_ASIO", "boost::headers", [])

    def _component(self, name, requires):
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", f"bytes_handoff::{name}")
        component.set_property("pkg_config_name", f"bytes_handoff-{name}")
        component.requires = requires
        return component

    def _flavour(self, name, define, headers, of_clang):
        self._component(name, ["core", headers]).defines = [define]
        is_clang = str(self.settings.compiler) in ("clang", "apple-clang")
        self._component(f"{name}_coroutines", [name]).defines = of_clang if is_clang else []
