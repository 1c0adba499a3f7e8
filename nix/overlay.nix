# Adds both programs to a set of packages.
final: _: {
  secretctl = final.callPackage ./package.nix { };
  secretctl-host = final.callPackage ./package.nix { hostProgram = true; };
}
