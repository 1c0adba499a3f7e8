# Stands where nixpkgs would: `import ./stand-in { inherit system; }` gives packages.
arguments: import ./pkgs.nix ({ lib = import ./lib; } // arguments)
