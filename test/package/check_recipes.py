#!/usr/bin/env python3
"""Checks the recipes of vcpkg and of Conan 2 against what their manuals say of each field, and against
the project: neither tool is needed.

    check_recipes.py <source directory>

The recipe of Conan is run with a stand-in for Conan, which refuses what Conan does not have. It is no
build: what a field does, only the tool tells.
"""

import importlib.util
import json
import pathlib
import re
import shutil
import sys
import tempfile
import types
import unittest

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
PORT = ROOT / "packaging/vcpkg/bytes-handoff"
CONAN = ROOT / "packaging/conan"
VERSION = re.search(r"^\s*VERSION (\S+)$", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)[1]
# The targets of a package with both flavours.
TARGETS = {"core", "testing", "asio", "asio_coroutines", "boost_asio", "boost_asio_coroutines"}

IDENTIFIER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Fields of vcpkg.json, and what each may be.
PORT_FIELDS = {
    "name": str, "version": str, "version-semver": str, "version-date": str, "version-string": str,
    "port-version": int, "description": (str, list), "homepage": str, "documentation": str,
    "license": (str, type(None)), "maintainers": (str, list), "supports": str, "summary": (str, list),
    "dependencies": list, "default-features": list, "features": dict, "overrides": list,
    "builtin-baseline": str, "vcpkg-configuration": dict}
DEPENDENCY_FIELDS = {"name": str, "default-features": bool, "features": list, "host": bool,
                     "platform": str, "version>=": str}
FEATURE_FIELDS = {"description": (str, list), "dependencies": list, "supports": str,
                  "license": (str, type(None))}
# Functions of the helper ports, and those that vcpkg itself has.
PORT_FUNCTIONS = {"vcpkg_check_features": None, "vcpkg_cmake_configure": "vcpkg-cmake",
                  "vcpkg_cmake_install": "vcpkg-cmake", "vcpkg_cmake_config_fixup": "vcpkg-cmake-config",
                  "vcpkg_fixup_pkgconfig": None, "vcpkg_install_copyright": None}

# What a recipe of Conan 2 may set or define.
RECIPE_ATTRIBUTES = {
    "name", "version", "user", "channel", "description", "license", "author", "topics", "homepage", "url",
    "package_type", "settings", "options", "default_options", "requires", "tool_requires", "generators",
    "exports", "exports_sources", "implements", "no_copy_source", "upload_policy", "build_policy"}
RECIPE_METHODS = {
    "set_name", "set_version", "export", "export_sources", "config_options", "configure", "requirements",
    "build_requirements", "validate", "validate_build", "layout", "generate", "source", "build", "package",
    "package_info", "package_id", "test", "compatibility"}
PACKAGE_TYPES = {"application", "library", "shared-library", "static-library", "header-library",
                 "build-scripts", "python-require", "unknown"}
COMPONENT_FIELDS = {"libs", "system_libs", "defines", "requires", "includedirs", "libdirs", "bindirs",
                    "frameworks", "cflags", "cxxflags", "sharedlinkflags", "exelinkflags"}
COMPONENT_PROPERTIES = {"cmake_file_name", "cmake_target_name", "pkg_config_name", "cmake_find_mode"}


class Port(unittest.TestCase):
    def setUp(self):
        self.port = json.loads((PORT / "vcpkg.json").read_text())

    def check_fields(self, what, fields):
        for name, value in what.items():
            self.assertIn(name, fields)
            self.assertIsInstance(value, fields[name], name)

    def check_dependencies(self, dependencies):
        for each in dependencies:
            each = {"name": each} if isinstance(each, str) else each
            self.check_fields(each, DEPENDENCY_FIELDS)
            self.assertTrue(IDENTIFIER.fullmatch(each["name"]), each)

    def test_the_manifest_has_known_fields(self):
        self.check_fields(self.port, PORT_FIELDS)
        self.assertEqual(self.port["name"], PORT.name)
        self.assertTrue(IDENTIFIER.fullmatch(self.port["name"]))
        self.check_dependencies(self.port["dependencies"])

    def test_the_manifest_has_the_projects_version(self):
        self.assertEqual([self.port[name] for name in self.port if name.startswith("version")], [VERSION])

    def test_features_are_described(self):
        for name, feature in self.port["features"].items():
            self.assertTrue(IDENTIFIER.fullmatch(name), name)
            self.check_fields(feature, FEATURE_FIELDS)
            self.assertTrue(feature["description"])
            self.check_dependencies(feature.get("dependencies", []))
        self.assertLessEqual(set(self.port["default-features"]), set(self.port["features"]))

    def test_the_portfile_calls_what_there_is(self):
        text = re.sub(r"#.*", "", (PORT / "portfile.cmake").read_text())
        hosts = {each["name"] for each in self.port["dependencies"] if isinstance(each, dict) and each["host"]}
        called = set(re.findall(r"\bvcpkg_\w+", text))
        self.assertLessEqual(called, set(PORT_FUNCTIONS))
        self.assertEqual({PORT_FUNCTIONS[name] for name in called} - {None}, hosts)
        checked = re.search(r"INVERTED_FEATURES\s+([^)]*)\)", text)[1].split()
        self.assertEqual(set(checked[::2]), set(self.port["features"]))
        self.assertTrue((PORT / "../../.." / "CMakeLists.txt").is_file())
        self.assertIn("../../..", text)


class Refused(Exception):
    """Conan has no such thing."""


class Options:
    def __init__(self, values):
        self.__dict__.update(values)


class Component:
    def __init__(self):
        self.__dict__.update(properties={}, requires=[], libs=[], defines=[])

    def __setattr__(self, name, value):
        if name not in COMPONENT_FIELDS:
            raise Refused(name)
        self.__dict__[name] = value

    def set_property(self, name, value):
        if name not in COMPONENT_PROPERTIES:
            raise Refused(name)
        self.properties[name] = value


class Components(dict):
    def __missing__(self, name):
        self[name] = Component()
        return self[name]


class CppInfo(Component):
    def __init__(self):
        super().__init__()
        self.__dict__["components"] = Components()


class Requirements(list):
    def __call__(self, reference, **traits):
        unknown = set(traits) - {"transitive_headers", "transitive_libs", "headers", "libs", "visible",
                                 "force", "override"}
        if unknown:
            raise Refused(unknown)
        self.append(reference)


def stand_in():
    """The modules of Conan that recipes import, as far as these do."""
    class ConanFile:
        pass

    class Toolchain:
        made = []

        def __init__(self, recipe):
            self.cache_variables = {}
            Toolchain.made.append(self)

        def generate(self):
            pass

    def copy(recipe, pattern, src, dst, excludes=None, keep_path=True):
        found = [path for path in pathlib.Path(src).glob(pattern)]
        found += [path for each in found if each.is_dir() for path in each.rglob("*")]
        if not found:
            raise Refused(f"nothing is {pattern}")
        for path in found:
            if path.is_file():
                to = pathlib.Path(dst) / path.relative_to(src)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to)

    modules = {
        "conan": {"ConanFile": ConanFile},
        "conan.tools": {},
        "conan.tools.build": {"check_min_cppstd": lambda recipe, least: setattr(recipe, "_least", least),
                              "can_run": lambda recipe: True},
        "conan.tools.cmake": {"CMake": types.SimpleNamespace, "CMakeDeps": Toolchain,
                              "CMakeToolchain": Toolchain, "cmake_layout": lambda recipe: None},
        "conan.tools.files": {"copy": copy, "load": lambda recipe, path: pathlib.Path(path).read_text(),
                              "rmdir": shutil.rmtree},
    }
    for name, members in modules.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module
    return ConanFile, Toolchain


CONAN_FILE, TOOLCHAIN = stand_in()


def recipe_of(path):
    spec = importlib.util.spec_from_file_location(path.parent.name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    [recipe] = [each for each in vars(module).values()
                if isinstance(each, type) and issubclass(each, CONAN_FILE) and each is not CONAN_FILE]
    return recipe


class Conan(unittest.TestCase):
    def made(self, **options):
        recipe = recipe_of(CONAN / "conanfile.py")()
        recipe.recipe_folder = str(CONAN)
        recipe.options = Options({**type(recipe).default_options, **options})
        recipe.settings = types.SimpleNamespace(os="Linux", compiler="clang")
        recipe.requires = Requirements()
        recipe.cpp_info = CppInfo()
        recipe.dependencies = {"asio": types.SimpleNamespace(
            cpp_info=types.SimpleNamespace(includedirs=["/asio/include"]))}
        return recipe

    def test_members_are_known(self):
        for folder in (CONAN, CONAN / "test_package"):
            recipe = recipe_of(folder / "conanfile.py")
            for name, value in vars(recipe).items():
                if not name.startswith("_"):
                    self.assertIn(name, RECIPE_METHODS if callable(value) else RECIPE_ATTRIBUTES)

    def test_values_are_known(self):
        recipe = recipe_of(CONAN / "conanfile.py")
        self.assertIn(recipe.package_type, PACKAGE_TYPES)
        self.assertEqual(recipe.options.keys(), recipe.default_options.keys())
        for name, value in recipe.default_options.items():
            self.assertIn(value, recipe.options[name])

    def test_the_version_is_the_projects(self):
        recipe = self.made()
        recipe.set_version()
        self.assertEqual(recipe.version, VERSION)

    def test_what_is_exported_is_what_the_project_builds_from(self):
        with tempfile.TemporaryDirectory() as folder:
            recipe = self.made()
            recipe.export_sources_folder = folder
            recipe.export_sources()
            for path in ("CMakeLists.txt", "LICENSE", "cmake", "include", "src"):
                have = sorted(each.relative_to(folder) for each in pathlib.Path(folder, path).rglob("*"))
                want = sorted(each.relative_to(ROOT) for each in (ROOT / path).rglob("*"))
                self.assertEqual(have, want)
                self.assertTrue(pathlib.Path(folder, path).exists(), path)

    def test_requirements_follow_the_options(self):
        for options, want in (({}, {"tl-expected", "asio"}),
                              ({"boost_asio": True, "asio": False}, {"tl-expected", "boost"}),
                              ({"expected": "std"}, {"asio"})):
            recipe = self.made(**options)
            recipe.requirements()
            for reference in recipe.requires:
                self.assertRegex(reference, r"^[a-z0-9_.+-]+/(\[[^\]]+\]|[0-9.]+)$")
            self.assertEqual({each.split("/")[0] for each in recipe.requires}, want)

    def test_the_language_mode_follows_the_expected(self):
        for expected, least in (("tl", 20), ("std", 23)):
            recipe = self.made(expected=expected)
            recipe.validate()
            self.assertEqual(recipe._least, least)

    def test_the_build_is_told_the_options(self):
        options = (ROOT / "CMakeLists.txt").read_text() + (ROOT / "cmake/FindStandaloneAsio.cmake").read_text()
        for flavours in ({}, {"boost_asio": True, "asio": False}):
            TOOLCHAIN.made.clear()
            self.made(**flavours).generate()
            variables = TOOLCHAIN.made[-1].cache_variables
            self.assertEqual(variables["BYTES_HANDOFF_EXPECTED"], "tl")
            for name in variables:
                if not name.startswith("CMAKE_DISABLE_FIND_PACKAGE_"):
                    self.assertIn(name, options)

    def test_components_are_the_targets(self):
        recipe = self.made(boost_asio=True)
        recipe.package_info()
        components = recipe.cpp_info.components
        self.assertEqual(set(components), TARGETS)
        for name, component in components.items():
            self.assertEqual(component.properties["cmake_target_name"], f"bytes_handoff::{name}")
            for required in component.requires:
                self.assertTrue("::" in required or required in components, required)
        targets = (ROOT / "cmake/BytesHandoffTargets.cmake").read_text()
        for name in ("core", "testing"):
            self.assertEqual(components[name].libs, [f"bytes_handoff_{name}"])
            self.assertIn(f"add_library(bytes_handoff_{name} ", targets)
        for name in ("asio", "boost_asio"):
            self.assertIn(f"bytes_handoff_add_shell({name} {components[name].defines[0]} ", targets)


if __name__ == "__main__":
    unittest.main()
