# Where the programs of a package lie.
lib:
let
  inherit (lib) assertMsg isDerivation isString;
in
rec {
  getExe =
    package:
    getExe' package (
      package.meta.mainProgram or (lib.warn
        "getExe: Package ${lib.strings.escapeNixIdentifier (lib.getName package)} does not have the meta.mainProgram attribute. We'll assume that the main program has the same name for now, but this behavior is deprecated."
        lib.getName
        package
      )
    );
  getExe' =
    package: program:
    assert assertMsg (isDerivation package) "lib.meta.getExe': a ${builtins.typeOf package} is no package";
    assert assertMsg (isString program) "lib.meta.getExe': a ${builtins.typeOf program} is no name of a program";
    assert assertMsg (!(lib.hasInfix "/" program)) "lib.meta.getExe': `${program}' is a path, not a name";
    "${lib.getBin package}/bin/${program}";
}
