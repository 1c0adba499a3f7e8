# Credentials in the units of services.
{ lib, config, ... }:

let
  cfg = config.secretctl;
  credentials = lib.filter (entry: entry.deliver == "credential" && entry.service != "system") cfg.wanted;
  byService = lib.groupBy (entry: entry.service) credentials;

  unit =
    _: entries:
    let
      reloads = lib.any (entry: entry.reloadUnits != [ ]) entries;
    in
    {
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
in
{
  config = lib.mkIf (cfg.enable && cfg.facts.sealed) {
    systemd.services = builtins.mapAttrs unit byService;
  };
}
