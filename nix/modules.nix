# Every module by its name. Each imports a path, so that errors name files and a module that comes twice counts once.
{
  nixosModules = rec {
    default = secretctl;
    secretctl.imports = [ ./modules/nixos ];
  };
  homeModules = rec {
    default = secretctl;
    secretctl.imports = [ ./modules/home ];
  };
  darwinModules = rec {
    default = secretctl;
    secretctl.imports = [ ./modules/darwin ];
  };
  flakeModules = rec {
    default = secretctl;
    secretctl.imports = [ ./modules/flake.nix ];
  };
}
