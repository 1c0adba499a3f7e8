# Builders of files from text.
{ lib, pkgs }:
rec {
  writeTextFile =
    {
      name,
      text,
      executable ? false,
      destination ? "",
      checkPhase ? "",
      meta ? { },
      passthru ? { },
      derivationArgs ? { },
      allowSubstitutes ? false,
      preferLocalBuild ? true,
    }:
    let
      program = lib.hasPrefix "/bin/" destination;
    in
    pkgs.runCommand name
      (
        {
          inherit text allowSubstitutes preferLocalBuild passthru;
          passAsFile = [ "text" ];
          meta =
            lib.optionalAttrs (executable && program) { mainProgram = lib.removePrefix "/bin/" destination; }
            // meta;
        }
        // derivationArgs
      )
      ''
        target=$out${lib.escapeShellArg destination}
        mkdir -p "$(dirname "$target")"
        mv "$textPath" "$target"
        ${lib.optionalString executable ''chmod +x "$target"''}
        ${checkPhase}
      '';

  writeText = name: text: writeTextFile { inherit name text; };
  writeTextDir =
    path: text:
    writeTextFile {
      name = baseNameOf path;
      inherit text;
      destination = "/${path}";
    };
  writeScript =
    name: text:
    writeTextFile {
      inherit name text;
      executable = true;
    };
  writeScriptBin =
    name: text:
    writeTextFile {
      inherit name text;
      executable = true;
      destination = "/bin/${name}";
    };
  writeShellScript = name: text: writeScript name "#!${pkgs.runtimeShell}\n${text}\n";
  writeShellScriptBin = name: text: writeScriptBin name "#!${pkgs.runtimeShell}\n${text}\n";
  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
      ...
    }:
    writeShellScriptBin name ''
      set -o errexit
      set -o nounset
      set -o pipefail
      export PATH="${lib.makeBinPath runtimeInputs}:$PATH"
      ${text}'';
}
