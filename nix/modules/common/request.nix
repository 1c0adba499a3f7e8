# From declarations to the request that the host program reads.
{
  lib,
  config,
  pkgs,
  ...
}:

let
  cfg = config.secretctl;
  inherit (cfg) facts;
  shared = import ../../lib { inherit lib; };
  grants = shared.grants {
    inherit facts;
    inherit (cfg) host;
  };

  secret =
    name: entry:
    let
      credential = entry.deliver == "credential";
      unit = "${entry.service}.service";
      # A unit reads its credentials when it starts; in a reload only where systemd can.
      restarts =
        credential && !(cfg.platform.refreshesCredentials && builtins.elem unit entry.reloadUnits);
      below = lib.removePrefix "${cfg.link}/" entry.path;
      inside = below != entry.path;
    in
    {
      option = "secretctl.secrets.\"${name}\"";
      # A path below the link is no link elsewhere, but where the file itself lands.
      as = if inside then below else name;
      inherit (entry)
        secret
        service
        owner
        group
        mode
        deliver
        neededForUsers
        optional
        installOnce
        ;
      path = if inside then null else entry.path;
      credential = if credential then entry.credential else null;
      restartUnits = entry.restartUnits ++ lib.optional restarts unit;
      reloadUnits = lib.subtractLists (lib.optional restarts unit) entry.reloadUnits;
    };

  ofService =
    service: entry: id: credential:
    let
      unit = [ "${service}.service" ];
      reloads = entry.onChange == "reload" && cfg.platform.refreshesCredentials;
    in
    {
      option = "secretctl.services.\"${service}\".secrets.\"${id}\"";
      # The characters of units that names of secrets have not.
      as = "credentials/${lib.replaceStrings [ "@" ":" "\\" ] [ "_at_" "_" "_" ] service}/${id}";
      inherit (credential) secret optional;
      inherit service;
      owner = "root";
      group = "root";
      mode = "0400";
      deliver = "credential";
      neededForUsers = false;
      installOnce = false;
      path = null;
      credential = id;
      reloadUnits = lib.optionals reloads unit;
      restartUnits = lib.optionals (
        cfg.platform.credentials && entry.onChange != "nothing" && !reloads
      ) unit;
    };

  declared =
    lib.mapAttrsToList secret cfg.secrets
    ++ lib.concatLists (
      lib.mapAttrsToList (
        service: entry: lib.mapAttrsToList (ofService service entry) entry.secrets
      ) cfg.services
    );

  # What is optional and not granted is left out here already, so that no unit waits for its credential.
  wanted = lib.filter (entry: !entry.optional || grants.granted entry.secret entry.service) declared;

  sorted = units: lib.sort (a: b: a < b) (lib.unique units);

  # Who cannot give files away does not ask for it.
  owned = entry: lib.optionalAttrs (!cfg.platform.ownFiles) { inherit (entry) owner group; };

  secretOfRequest = entry: owned entry // {
    inherit (entry)
      secret
      as
      service
      mode
      path
      optional
      ;
    restart_units = sorted entry.restartUnits;
    reload_units = sorted entry.reloadUnits;
    install_once = entry.installOnce;
    phase = if entry.neededForUsers then "users" else "main";
  };

  templateOfRequest = name: entry: owned entry // {
    inherit name;
    inherit (entry)
      content
      format
      service
      mode
      ;
    path = if entry.path == "${cfg.link}/rendered/${name}" then null else entry.path;
    restart_units = sorted entry.restartUnits;
    reload_units = sorted entry.reloadUnits;
  };

  request = {
    version = 1;
    inherit (cfg)
      host
      identities
      mount
      link
      state
      runtime
      rollback
      metrics
      ;
    # A host that waits for its key has no sealed tree, and gets nothing until it has one.
    sealed = if facts.sealed then "${facts.tree}" else null;
    trusted_keys = cfg.trustedKeys;
    keep_generations = cfg.keepGenerations;
    danger_allow_swap = cfg.dangerAllowSwap;
    secrets = lib.optionals facts.sealed (map secretOfRequest wanted);
    templates = lib.optionals facts.sealed (lib.mapAttrsToList templateOfRequest cfg.templates);
  }
  // cfg.platform.request;

  file = "secretctl-request-${cfg.host}.json";
in
{
  config.secretctl = {
    facts = shared.fleet cfg.fleet cfg.host;
    inherit wanted;

    # Of all that there is, so that what is not granted is refused with the rule and not as a missing attribute.
    placeholder =
      lib.genAttrs (facts.names ++ map (entry: entry.secret) declared) (name: "<secret:${name}>")
      // builtins.mapAttrs (_: entry: entry.placeholder) cfg.secrets;

    uncheckedRequest = pkgs.writeText "unchecked-${file}" (builtins.toJSON request);

    # Whoever builds the system has made the check, on any platform and in any tool that builds systems.
    request =
      pkgs.runCommand file
        {
          nativeBuildInputs = [ cfg.checkPackage ];
          request = cfg.uncheckedRequest;
          preferLocalBuild = true;
        }
        ''
          secretctl-host verify --request "$request"
          cat "$request" > "$out"
        '';
  };
}
