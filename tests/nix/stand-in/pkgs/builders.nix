# Builders that run commands, and those that put packages together.
{ lib, pkgs }:
let
  inherit (pkgs.stdenv) mkDerivation;
in
rec {
  runCommand =
    name: environment: buildCommand:
    mkDerivation (
      {
        inherit name buildCommand;
        tools = [ pkgs.buildPackages.coreutils ];
      }
      // environment
    );
  runCommandLocal =
    name: environment:
    runCommand name (
      environment
      // {
        preferLocalBuild = true;
        allowSubstitutes = false;
      }
    );
  runCommandCC = runCommand;
  runCommandNoCC = runCommand;
  emptyFile = runCommand "empty-file" { } ": > $out";
  emptyDirectory = runCommand "empty-directory" { } "mkdir $out";

  # Names, and what each links to: a list of both, or a set.
  linkFarm =
    name: entries:
    let
      list =
        if lib.isAttrs entries then
          lib.mapAttrsToList (name: path: { inherit name path; }) entries
        else
          entries;
    in
    runCommand name { } (
      ''
        mkdir -p $out
      ''
      + lib.concatMapStrings (entry: ''
        mkdir -p "$(dirname $out/${lib.escapeShellArg entry.name})"
        ln -s ${lib.escapeShellArg "${entry.path}"} $out/${lib.escapeShellArg entry.name}
      '') list
    );

  symlinkJoin =
    {
      name,
      paths,
      postBuild ? "",
      meta ? { },
      passthru ? { },
      ...
    }:
    runCommand name { inherit meta passthru; } ''
      mkdir -p $out
      for path in ${toString paths}; do
        (cd $path && find . -type d) | while read -r folder; do mkdir -p "$out/$folder"; done
        (cd $path && find . ! -type d) | while read -r file; do
          [ -e "$out/$file" ] || ln -s "$path/$file" "$out/$file"
        done
      done
      ${postBuild}
    '';
  buildEnv = arguments: symlinkJoin (removeAttrs arguments [ "pathsToLink" ]);

  mkShell =
    {
      packages ? [ ],
      name ? "shell",
      ...
    }:
    runCommand name { nativeBuildInputs = packages; } ": > $out";

  rustPlatform.buildRustPackage =
    arguments:
    let
      name = arguments.pname;
      passthru = arguments.passthru or { } // { inherit arguments; };
    in
    if !(pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) then
      # Stands for a program of another platform, which nothing here can run.
      runCommand "${name}-${arguments.version}" {
        inherit (arguments) version meta;
        forPlatform = pkgs.stdenv.hostPlatform.system;
        pname = name;
        inherit passthru;
      } ''
        mkdir -p "$out/bin"
        printf '#!/no/loader/of/another/platform\n' > "$out/bin/${name}"
        chmod +x "$out/bin/${name}"
      ''
    else if pkgs.programs ? ${name} then
      runCommand "${name}-${arguments.version}" {
        inherit (arguments) version meta;
        pname = name;
        inherit passthru;
        program = pkgs.programs.${name};
      } ''cp -R "$program" $out''
    else
      # Evaluates like the real one; there is no compiler to build it with.
      runCommand "${name}-${arguments.version}" {
        inherit (arguments) version meta;
        pname = name;
        inherit passthru;
        inherit (arguments) src;
        lockFile = arguments.cargoLock.lockFile;
      } ''
        echo "${name} is not built here; give it to the stand-in as programs.${name}" >&2
        exit 1
      '';

  testers.runNixOSTest =
    test:
    let
      nodes = lib.mapAttrs (
        name: node:
        import ../nixos {
          inherit lib pkgs;
          modules = [
            node
            { networking.hostName = lib.mkDefault name; }
          ];
        }
      ) test.nodes;
    in
    runCommand "vm-test-run-${test.name}" {
      inherit (test) testScript;
      systems = lib.mapAttrsToList (_: node: node.config.system.build.toplevel) nodes;
      passthru = {
        inherit nodes;
        inherit (test) testScript;
      };
    } ''
      echo "there is no virtual machine here to run ${test.name} in" >&2
      exit 1
    '';
}
