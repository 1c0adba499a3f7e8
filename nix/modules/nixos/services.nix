# Credentials in the units of services.
{ lib, config, ... }:

let
  cfg = config.secretctl;
  credentials = lib.filter (entry: entry.deliver == "credential" && entry.service != "system") cfg.wanted;
  byService = lib.groupBy (entry: entry.service) credentials;

  units = import ../../lib/units.nix { inherit lib; };

  unit =
    name: entries:
    let
      reloads = lib.any (entry: builtins.elem "${name}.service" entry.reloadUnits) entries;
      ofTemplate =
        units.isInstance "${name}.service" && !(config.systemd.services.${name}.serviceConfig ? ExecStart);
    in
    {
      # A whole unit of this name would hide the template.
      overrideStrategy = lib.mkIf ofTemplate (lib.mkDefault "asDropin");
      # Nor may the search path that NixOS gives every unit replace that of the template.
      environment.PATH = lib.mkIf ofTemplate (lib.mkOverride 90 null);
      # Not `requires`: a run in which another secret failed is a failed unit, and this one is there all the same.
      wants = [ "secretctl.target" ];
      after = [ "secretctl.target" ];
      serviceConfig = {
        LoadCredential = map (entry: "${entry.credential}:${cfg.link}/${entry.as}") entries;
      }
      // lib.optionalAttrs (reloads && cfg.platform.refreshesCredentials) {
        RefreshOnReload = "credentials";
      };
    };

  # What the unit says of an id, whoever said so.
  sources =
    name: id:
    lib.filter (line: lib.head (lib.splitString ":" line) == id) (
      lib.toList (config.systemd.services.${name}.serviceConfig.LoadCredential or [ ])
    );

  refused =
    name: id:
    let
      option = "systemd.services.\"${name}\".serviceConfig.LoadCredential";
      found = sources name id;
    in
    lib.optional (found == [ ]) {
      assertion = false;
      message = ''
        ${option}: credential `${id}` of `secretctl` is overridden, so the service would never get it.
        Look for `mkForce` at this option or around it, and use `mkBefore`, `mkAfter` or nothing in its place.'';
    }
    ++ lib.optional (lib.length found > 1) {
      assertion = false;
      message = ''
        ${option}: credential `${id}` comes from more than one place: ${lib.concatStringsSep ", " found}.
        Give one of them another id; ours are named at `secretctl.services."${name}".secrets`, or by `credential` of `secretctl.secrets`.'';
    };

  ids = entries: lib.unique (map (entry: entry.credential) entries);
  clashes = name: entries: lib.concatMap (refused name) (ids entries);
in
{
  config = lib.mkIf (cfg.enable && cfg.facts.sealed) {
    systemd.services = builtins.mapAttrs unit byService;
    assertions = lib.concatLists (lib.mapAttrsToList clashes byService);
  };
}
