# What `nix flake check` builds.
{
  self,
  pkgs,
}:

let
  inherit (pkgs) lib;
  packages = import ../packages.nix { inherit pkgs; };

  # Fails when the page in the repository is not what the module says.
  optionsPage =
    name: page:
    pkgs.runCommand "options-page-${name}"
      {
        written = ../../docs/reference + "/options-${name}.md";
        made = pkgs.writeText "options-${name}.md" page;
      }
      ''
        if [ "$(cat "$written")" != "$(cat "$made")" ]; then
          echo "docs/reference/options-${name}.md is not what the module says; run scripts/docs" >&2
          exit 1
        fi
        : > "$out"
      '';

  pages = import ../options-pages.nix { inherit lib pkgs; };
in
{
  inherit (packages) secretctl secretctl-host;
  demo-fleet = import ./fleet.nix {
    inherit pkgs;
    inherit (packages) secretctl;
    fleet = self;
  };
}
// lib.mapAttrs' (name: page: lib.nameValuePair "options-page-${name}" (optionsPage name page)) pages
// lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux (import ./vm { inherit self pkgs; })
