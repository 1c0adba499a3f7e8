# Where home-manager looks for it within nixpkgs.
{ imports = [ ../../../../nixos/assertions.nix ]; }
