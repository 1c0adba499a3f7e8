{
  description = "A fleet with secrets";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    secretctl = {
      # Where your copy of secretctl lies.
      url = "git+file:///srv/git/secretctl";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    { nixpkgs, secretctl, ... }:
    let
      host =
        name:
        nixpkgs.lib.nixosSystem {
          modules = [
            secretctl.nixosModules.default
            ./hosts/common.nix
            ./hosts/${name}.nix
            { networking.hostName = name; }
          ];
        };
    in
    {
      nixosConfigurations = nixpkgs.lib.genAttrs [ "alpha" "beta" ] host;
    };
}
