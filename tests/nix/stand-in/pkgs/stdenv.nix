# Platforms, and derivations as packages are written.
{
  lib,
  build,
  host,
}:
let
  platform =
    system:
    let
      parts = lib.splitString "-" system;
      kernel = lib.last parts;
      cpu = lib.head parts;
      vendor = if kernel == "darwin" then "apple-darwin" else "unknown-linux-gnu";
    in
    {
      inherit system;
      config = "${cpu}-${vendor}";
      isLinux = kernel == "linux";
      isDarwin = kernel == "darwin";
      isFreeBSD = kernel == "freebsd";
      isBSD = lib.hasSuffix "bsd" kernel;
      isUnix = true;
      isMusl = false;
      isStatic = false;
      isx86_64 = cpu == "x86_64";
      isAarch64 = cpu == "aarch64";
      canExecute = other: other.system == system;
    };

  # Only a plain set reaches the builder; the rest is for readers of the package.
  hidden = [
    "meta"
    "passthru"
    "override"
    "overrideAttrs"
  ];
  named = arguments: arguments.name or "${arguments.pname}-${arguments.version or "0"}";

  mkDerivation =
    given:
    let
      written = if lib.isFunction given then given package else given;
      strict = derivation (
        {
          builder = "/bin/sh";
          args = [
            "-e"
            ./builder.sh
          ];
          system = build;
        }
        // removeAttrs written hidden
        // {
          name = named written;
        }
        // lib.optionalAttrs (written ? buildCommand) {
          passAsFile = [ "buildCommand" ] ++ written.passAsFile or [ ];
        }
      );
      package =
        strict
        // lib.filterAttrs (name: _: name == "pname" || name == "version") written
        // written.passthru or { }
        // {
          meta = written.meta or { };
          passthru = written.passthru or { };
          # Either of the two forms: `old: { }` and `final: old: { }`.
          overrideAttrs =
            change:
            let
              once = change written;
            in
            mkDerivation (written // (if lib.isFunction once then change package written else once));
        };
    in
    package;
in
{
  hostPlatform = platform host;
  buildPlatform = platform build;
  targetPlatform = platform host;
  inherit mkDerivation;
  shell = "/bin/sh";
}
