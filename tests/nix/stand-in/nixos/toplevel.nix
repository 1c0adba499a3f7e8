# The whole system, unless an assertion stands against it.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  failed = map (x: x.message) (lib.filter (x: !x.assertion) config.assertions);
  warned = lib.flip (lib.foldr lib.warn) config.warnings;
  build = config.system.build;

  toplevel = pkgs.runCommand "nixos-system-${config.networking.hostName}-${config.system.stateVersion}" {
    inherit (build) activationScript dryActivationScript;
    passAsFile = [
      "activationScript"
      "dryActivationScript"
    ];
    inherit (build) etc;
    sw = config.system.path;
    inherit (config.system) checks extraDependencies;
  } ''
    mkdir $out
    cp "$activationScriptPath" $out/activate
    cp "$dryActivationScriptPath" $out/dry-activate
    chmod +x $out/activate $out/dry-activate
    ln -s $etc/etc $out/etc
    ln -s $sw $out/sw
    printf '%s' ${lib.escapeShellArg pkgs.stdenv.hostPlatform.system} > $out/system
  '';
in
{
  options.system = {
    stateVersion = mkOption {
      type = types.str;
      default = "26.11";
    };
    checks = mkOption {
      type = types.listOf types.package;
      default = [ ];
    };
    extraDependencies = mkOption {
      type = types.listOf types.pathInStore;
      default = [ ];
    };
    name = mkOption {
      type = types.str;
      default = config.networking.hostName;
    };
  };
  config.system.build.toplevel =
    if failed != [ ] then
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") failed}"
    else
      warned toplevel;
}
