# A NixOS configuration, with the options that modules about secrets set and read.
{
  lib,
  modules,
  system ? null,
  pkgs ? null,
  specialArgs ? { },
  # Such as another version of systemd, for the packages.
  packages ? { },
  ...
}:
let
  configuration = lib.evalModules {
    class = "nixos";
    specialArgs = {
      modulesPath = toString ./.;
    }
    // specialArgs;
    modules = [
      ./nixpkgs.nix
      ./assertions.nix
      ./environment.nix
      ./file-systems.nix
      ./networking.nix
      ./services.nix
      ./users.nix
      ./activation.nix
      ./toplevel.nix
      ./tmpfiles.nix
      ./systemd
      {
        nixpkgs.hostPlatform = lib.mkIf (system != null) (lib.mkDefault system);
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
  inherit lib;
}
