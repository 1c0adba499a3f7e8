# A configuration of macOS, as nix-darwin has it.
{
  lib,
  modules,
  system ? "aarch64-darwin",
  pkgs ? null,
  specialArgs ? { },
  packages ? { },
  ...
}:
let
  configuration = lib.evalModules {
    class = "darwin";
    specialArgs = {
      modulesPath = toString ./.;
    }
    // specialArgs;
    modules = [
      ../nixos/nixpkgs.nix
      ../nixos/assertions.nix
      ../nixos/environment.nix
      ../nixos/networking.nix
      ./launchd.nix
      ./system.nix
      {
        nixpkgs.hostPlatform = lib.mkDefault system;
        nixpkgs.pkgs = lib.mkIf (pkgs != null) pkgs;
        nixpkgs.arguments = { inherit lib; } // packages;
      }
    ]
    ++ modules;
  };
in
configuration
// {
  inherit (configuration._module.args) pkgs;
  inherit (configuration.config.system.build) toplevel;
  system = configuration.config.system.build.toplevel;
}
