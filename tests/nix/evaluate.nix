# Evaluates NixOS, home-manager and macOS configurations with our modules, over the stand-in or over real checkouts.
{
  # A folder with checkouts of nixpkgs.lib, home-manager, nix-darwin and nixbsd, or null for the stand-in.
  checkouts ? null,
  system ? "x86_64-linux",
  # Options of the stand-in for packages, such as `programs`.
  packages ? { },
}:

let
  standIn = ./stand-in;
  real = checkouts != null;
  lib = if real then import (checkouts + "/nixpkgs.lib/lib") else import (standIn + "/lib");
  modules = import ../../nix/modules.nix;
  # Packages are always those of the stand-in: nothing of them is evaluated but their names.
  pkgsFor = system: import standIn ({ inherit lib system; } // packages);
in
rec {
  inherit lib real;

  nixos =
    extra:
    import (standIn + "/nixos") {
      inherit lib system packages;
      modules = [ modules.nixosModules.default ] ++ extra;
    };

  homeOn =
    system: extra:
    let
      all = [ modules.homeModules.default ] ++ extra;
      pkgs = pkgsFor system;
      # home-manager takes two modules out of the folder of nixpkgs.
      placed = pkgs // {
        path = standIn + "/path";
        glibcLocales = pkgs.bash;
      };
    in
    if real then
      import (checkouts + "/home-manager/modules") {
        inherit lib;
        pkgs = placed;
        # Without hundreds of programs, whose packages the stand-in has not.
        minimal = true;
        configuration.imports = all ++ [
          { _module.args.pkgs = lib.mkForce placed; }
          {
            # It wants more of the folder of nixpkgs, and the minimal set refers to what it leaves out.
            disabledModules = [ "services-modular" ];
            options.programs.fish = lib.mkOption {
              type = lib.types.attrs;
              default = { };
            };
          }
        ];
      }
    else
      import (standIn + "/home") {
        inherit lib pkgs;
        modules = all;
      };

  home = homeOn system;

  # NixOS with the accounts of nixbsd, whose options are those of nixpkgs, in the place of the stand-in's.
  nixosWithRealAccounts =
    extra:
    nixos (
      extra
      ++ [
        {
          disabledModules = [ (standIn + "/nixos/users.nix") ];
          imports = [ (checkouts + "/nixbsd/modules/config/users-groups.nix") ];
          # What it takes for granted of the rest of NixOS.
          options = {
            ids = lib.mkOption { type = lib.types.attrsOf (lib.types.attrsOf lib.types.int); };
            systemd.sysusers.enable = lib.mkEnableOption "the creation of users by systemd";
            # In nixpkgs alone.
            users.users = lib.mkOption {
              type = lib.types.attrsOf (
                lib.types.submodule {
                  options.enable = lib.mkEnableOption "the account" // {
                    default = true;
                  };
                }
              );
            };
            environment.profiles = lib.mkOption { type = lib.types.listOf lib.types.str; };
          };
          config.nixpkgs.overlays = [ (_: _: lib.genAttrs [ "fish" "xonsh" "zsh" ] (_: null)) ];
          config.users.defaultUserShell = "/bin/sh";
          config.ids = {
            uids = {
              root = 0;
              daemon = 1;
              nobody = 65534;
            };
            gids = lib.listToAttrs (
              lib.imap0 (number: name: lib.nameValuePair name number) [ "root" "wheel" "daemon" "operator" "audit" "_shadow" "nixbld" "users" "nogroup" ]
            );
          };
        }
      ]
    );

  darwin =
    extra:
    let
      all = [ modules.darwinModules.default ] ++ extra;
      system = "aarch64-darwin";
    in
    if real then
      import (checkouts + "/nix-darwin/eval-config.nix") {
        inherit lib;
        enableNixpkgsReleaseCheck = false;
        modules = all ++ [
          {
            _module.args.pkgs = lib.mkForce (pkgsFor system);
            nix.enable = false;
          }
        ];
      }
    else
      import (standIn + "/darwin") {
        inherit lib system packages;
        modules = all;
      };
}
