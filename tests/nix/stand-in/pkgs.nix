# Packages that are few and small, and that really build: in a sandbox with a static shell and a static busybox.
{
  lib,
  system ? builtins.currentSystem,
  localSystem ? system,
  crossSystem ? localSystem,
  overlays ? [ ],
  config ? { },
  # Programs that were built elsewhere, by the name of their package: each a folder with `bin`.
  programs ? { },
  systemdVersion ? "262",
}:
let
  name = x: if builtins.isString x then x else x.system;
  build = name localSystem;
  host = name crossSystem;

  again =
    more:
    import ./pkgs.nix (
      {
        inherit
          lib
          localSystem
          crossSystem
          overlays
          config
          programs
          systemdVersion
          ;
      }
      // more
    );

  base =
    pkgs:
    {
      inherit lib config overlays;
      inherit (pkgs.stdenv.hostPlatform) system;
      _type = "pkgs";
      stdenv = import ./pkgs/stdenv.nix { inherit lib build host; };
      stdenvNoCC = pkgs.stdenv;
      buildPackages = if build == host then pkgs else again { crossSystem = localSystem; };
      pkgsBuildBuild = pkgs.buildPackages;
      pkgsBuildHost = pkgs.buildPackages;
      extend = overlay: again { overlays = overlays ++ [ overlay ]; };
      appendOverlays = more: again { overlays = overlays ++ more; };
      callPackage = import ./pkgs/call.nix { inherit lib pkgs; };
      inherit programs systemdVersion;
    }
    // import ./pkgs/builders.nix { inherit lib pkgs; }
    // import ./pkgs/texts.nix { inherit lib pkgs; }
    // import ./pkgs/tools.nix { inherit lib pkgs; }
    // import ./pkgs/documents.nix { inherit lib pkgs; };

  layers = [ (_: _: base final) ] ++ overlays;
  final = lib.foldl' (previous: layer: previous // layer final previous) { } layers;
in
final
