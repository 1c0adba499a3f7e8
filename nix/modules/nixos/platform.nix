# What a NixOS configuration tells of users, units and mounts.
{ lib, config, ... }:

let
  cfg = config.secretctl;
  services = config.systemd.services;

  names = entries: lib.mapAttrsToList (_: entry: entry.name) entries;

  # "name@.service" for "name@instance.service", else the name itself.
  template =
    unit:
    let
      parts = builtins.match "([^@]+@)[^.]+([.][a-z]+)" unit;
    in
    if parts == null then unit else lib.concatStrings parts;

  declared = unit: config.systemd.units ? ${unit} && startable unit;

  # A service that only our own credentials made has nothing to run, and is a name that was mistyped.
  startable =
    unit:
    let
      name = lib.removeSuffix ".service" unit;
      service = services.${name};
    in
    !(cfg.services ? ${name} || lib.any (entry: entry.service == name) (builtins.attrValues cfg.secrets))
    || !(services ? ${name})
    || service.serviceConfig ? ExecStart
    || service.script or "" != "";

  account =
    name:
    let
      service = services.${name}.serviceConfig or { };
      # systemd names a dynamic user after its unit.
      user = service.User or (if dynamic then name else "root");
      dynamic = builtins.elem (service.DynamicUser or false) [
        true
        "true"
        "yes"
        "1"
      ];
      primary = (config.users.users.${user} or { }).group or "";
      group = service.Group or (if primary == "" then "root" else primary);
    in
    {
      inherit user group dynamic;
    };
in
{
  config.secretctl.platform = {
    name = "NixOS";
    deliveries = "";
    credentials = true;
    early = true;
    ownFiles = false;
    refreshesCredentials = lib.versionAtLeast config.systemd.package.version "260";
    users = names config.users.users;
    groups = names config.users.groups;
    unitExists =
      unit: builtins.elem unit cfg.externalUnits || declared unit || declared (template unit);
    account =
      name:
      if name == "system" || !(services ? ${name}) then
        {
          user = "root";
          group = "root";
          dynamic = false;
        }
      else
        account name;
    fileSystems = lib.mapAttrs' (
      _: entry: lib.nameValuePair entry.mountPoint entry.fsType
    ) config.fileSystems;
    inherit (cfg) volatilePaths;
    request = { };
  };
}
