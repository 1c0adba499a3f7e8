# A configuration of one user, as home-manager has it.
{
  lib,
  pkgs,
  modules,
  extraSpecialArgs ? { },
  ...
}:
let
  dag = import ./dag.nix { inherit lib; };
  configuration = lib.evalModules {
    class = "homeManager";
    specialArgs = {
      modulesPath = toString ./.;
      # Its modules know a few more functions.
      lib = lib // {
        hm.dag = dag;
      };
    }
    // extraSpecialArgs;
    modules = [
      ../nixos/assertions.nix
      ./home.nix
      ./files.nix
      ./systemd.nix
      ./launchd.nix
      { _module.args.pkgs = lib.mkDefault pkgs; }
    ]
    ++ modules;
  };
  failed = map (x: x.message) (lib.filter (x: !x.assertion) configuration.config.assertions);
  checked =
    if failed == [ ] then
      lib.foldr lib.warn configuration configuration.config.warnings
    else
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") failed}";
in
{
  inherit (configuration) options;
  inherit pkgs;
  unchecked = configuration.config;
  inherit (checked) config;
  inherit (checked.config.home) activationPackage;
}
