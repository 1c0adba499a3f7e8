# What a NixOS configuration tells of users, units and mounts.
{ lib, config, ... }:

let
  cfg = config.secretctl;
  services = config.systemd.services;
  units = import ../../lib/units.nix { inherit lib; };

  # Accounts that are declared and switched off are not created.
  existing = entries: lib.filter (entry: entry.enable or true) (builtins.attrValues entries);
  names = entries: map (entry: entry.name) (existing entries);
  byName = lib.listToAttrs (
    map (user: lib.nameValuePair user.name user) (existing config.users.users)
  );

  declared =
    unit:
    if config.systemd.units ? ${unit} then
      startable unit
    else
      lib.any (other: builtins.elem unit other.aliases) (builtins.attrValues config.systemd.units);

  credentials = lib.groupBy (entry: "${entry.service}.service") (
    lib.filter (entry: entry.deliver == "credential") cfg.wanted
  );

  # A service that only our own credentials made has nothing to run, and is a name that was mistyped.
  startable =
    unit:
    let
      service = services.${lib.removeSuffix ".service" unit};
    in
    !(credentials ? ${unit})
    || service.serviceConfig ? ExecStart
    || service.script or "" != ""
    # Its text is of a package.
    || service.wantedBy != [ ];

  account =
    name:
    let
      unit = "${name}.service";
      template = lib.removeSuffix ".service" (units.template unit);
      settingsOf = name: (services.${name} or { }).serviceConfig or { };
      settings = settingsOf template // lib.filterAttrs (_: value: value != null) (settingsOf name);
      given =
        setting:
        if settings.${setting} or null == null then
          null
        else if units.isInstance unit then
          lib.replaceStrings [ "%i" ] [ (units.instance unit) ] (toString settings.${setting})
        else
          toString settings.${setting};
      or' = value: other: if value == null then other else value;

      isDynamic = builtins.elem (settings.DynamicUser or false) [
        true
        "true"
        "yes"
        "1"
      ];
      # systemd names a dynamic user after its unit, and uses an account of that name if there is one.
      user = or' (given "User") (if isDynamic then name else "root");
      primary = (byName.${user} or { }).group or "";
    in
    {
      inherit user;
      group = or' (given "Group") (if primary == "" then "root" else primary);
      dynamic = isDynamic && !(byName ? ${user});
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
    unitOfUsers = unit: config.systemd.user.units ? ${unit};
    unitExists =
      unit:
      lib.any (name: builtins.elem name cfg.externalUnits || declared name) [
        unit
        (units.template unit)
      ];
    inherit account;
    fileSystems = lib.listToAttrs (
      map (entry: lib.nameValuePair entry.mountPoint entry.fsType) (existing config.fileSystems)
    );
    inherit (cfg) volatilePaths;
    request = { };
  };
}
