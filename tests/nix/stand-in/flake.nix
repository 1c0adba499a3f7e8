{
  description = "Stands in for nixpkgs, home-manager and nix-darwin in tests, offline and small";

  outputs =
    { self }:
    let
      lib = import ./lib;
      systems = lib.platforms.all;
    in
    {
      lib = lib // {
        nixosSystem = arguments: import ./nixos ({ inherit lib; } // arguments);
        homeManagerConfiguration = arguments: import ./home ({ inherit lib; } // arguments);
        darwinSystem = arguments: import ./darwin ({ inherit lib; } // arguments);
      };
      legacyPackages = lib.genAttrs systems (system: import ./. { inherit system; });
    };
}
