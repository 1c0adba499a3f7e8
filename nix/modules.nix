# Every module by its name; each is a path, so that errors name files.
{
  nixosModules = rec {
    default = secretctl;
    secretctl = ./modules/nixos;
  };
  homeModules = rec {
    default = secretctl;
    secretctl = ./modules/home;
  };
  darwinModules = rec {
    default = secretctl;
    secretctl = ./modules/darwin;
  };
  flakeModules = rec {
    default = secretctl;
    secretctl = ./modules/flake.nix;
  };
}
