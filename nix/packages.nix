# Both programs; `default` is the one for people.
{ pkgs }:
rec {
  default = secretctl;
  secretctl = pkgs.callPackage ./package.nix { };
  secretctl-host = pkgs.callPackage ./package.nix { hostProgram = true; };
}
