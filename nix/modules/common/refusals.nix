# What evaluation refuses, each with the option that is wrong and the repair.
{
  lib,
  config,
  ...
}:

let
  inherit (lib) concatLists optional optionals;
  cfg = config.secretctl;
  inherit (cfg) facts platform wanted;
  shared = import ../../lib { inherit lib; };
  grants = shared.grants {
    inherit facts;
    inherit (cfg) host;
  };
  places = import ./places.nix { inherit lib cfg refuse; };
  volatile = shared.volatile { inherit (platform) fileSystems volatilePaths; };

  # The longest name under which systemd 262 asks a socket for a credential.
  credentialMax = 83;

  refuse = message: {
    assertion = false;
    inherit message;
  };

  templates = lib.mapAttrsToList (
    name: entry:
    entry
    // {
      option = "secretctl.templates.\"${name}\"";
      as = "rendered/${name}";
      path = if entry.path == "${cfg.link}/rendered/${name}" then null else entry.path;
    }
  ) cfg.templates;

  # Pure evaluation has no notion of the machine that it runs on.
  pure = !(builtins ? currentSystem) && !lib.hasPrefix builtins.storeDir (toString cfg.fleet);

  files = wanted ++ templates;
  declared = wanted != [ ] || templates != [ ];

  ofHost =
    optional (cfg.trustedKeys == [ ] && declared) (refuse ''
      secretctl.trustedKeys: nobody may sign the manifest of this host, so it would believe none.
      Add the signing keys of the admins you trust. `secretctl.toml` names these: ${
        if facts.signingKeys == [ ] then "none" else lib.concatStringsSep ", " facts.signingKeys
      }'')
    ++ optional (!facts.hasSettings) (refuse ''
      secretctl.fleet: there is no `secretctl.toml` in ${toString cfg.fleet}.
      ${
        if pure then
          "Pure evaluation sees nothing outside of the flake and its inputs: name a folder of these, such as `./.`, and `git add` its files."
        else
          "Name the root of the fleet repository; in a flake, `git add secretctl.toml` too."
      }'')
    ++ optional (cfg.host == "") (refuse ''
      secretctl.host: this host has no name, as `networking.hostName` is empty.
      Set `secretctl.host` to its name in `secretctl.toml`.'')
    ++ optional (facts.hasSettings && !facts.known && cfg.host != "") (refuse ''
      secretctl.host: the fleet has no host `${cfg.host}`; it has ${lib.concatStringsSep ", " facts.hostNames}.
      Correct the name, or add the host with `secretctl host add ${cfg.host} --ssh ADDRESS`.'')
    ++ optional (facts.known && facts.state == "active" && !facts.sealed) (refuse ''
      secretctl.host: host `${cfg.host}` has no sealed tree (`sealed/${cfg.host}/manifest.json`).
      Run `secretctl seal --host ${cfg.host}`, then `git add sealed`.'')
    ++ optional (facts.missing != [ ]) (refuse ''
      secretctl.fleet: the manifest of host `${cfg.host}` lists ${
        lib.concatMapStringsSep ", " (file: "`${file}`") facts.missing
      }, which `sealed/${cfg.host}` lacks.
      A flake sees only what Git tracks: run `git add sealed`. What is gone from the work tree as well, `git checkout -- sealed` brings back.'')
    ++
      optional
        (
          declared
          && builtins.elem facts.state [
            "dormant"
            "revoked"
          ]
          && !facts.sealed
        )
        (refuse ''
          secretctl.host: host `${cfg.host}` is ${facts.state}, so nothing is sealed for it, yet its configuration asks for secrets.
          Drop them here, or take it up again with `secretctl host set ${cfg.host} --state active`.'');

  ungranted =
    entry: secret:
    optional (facts.sealed && !grants.granted secret entry.service) (
      refuse (
        grants.refusal {
          inherit (entry) option service;
          inherit secret;
        }
      )
    );

  deliveries =
    entry:
    let
      unit = "${entry.service}.service";
      length = lib.stringLength (unit + entry.credential);
    in
    optional (entry.deliver == "broker") (refuse ''
      ${entry.option}.deliver: this version has no broker.
      Use "credential", which the unit alone can read as well, or "file".'')
    ++ optionals (entry.deliver == "credential") (
      optional (!platform.credentials) (refuse ''
        ${entry.option}.deliver: ${platform.name} has no credentials of units for this.
        Declare it below `secretctl.secrets`, as a "file".'')
      ++ optional (entry.service == "system") (refuse ''
        ${entry.option}.service: a credential is for the unit of a service, and none is named.
        Set `service`, or deliver a file.'')
      ++ optional (length > credentialMax) (refuse ''
        ${entry.option}: credential `${entry.credential}` of `${unit}` is too long for systemd: ${toString length} characters with the unit's name, at most ${toString credentialMax}.
        Choose a shorter id (`credential`, or the attribute's name below `secretctl.services`).'')
      ++ optional (builtins.match "[A-Za-z0-9._-]+" entry.credential == null) (refuse ''
        ${entry.option}: `${entry.credential}` cannot be the id of a credential.
        Ids are letters, digits, `.`, `_` and `-`; with `secret` the name in the fleet may be another.'')
      ++ optional entry.neededForUsers (refuse ''
        ${entry.option}.neededForUsers: units with credentials start long after users are created.
        Deliver a file.'')
    );

  accounts =
    entry:
    let
      inherit (platform.account entry.service) dynamic user;
      madeAtStart = dynamic && entry.owner == user;
      number = name: builtins.match "[0-9]+" name != null;
      unknown =
        known: name: known != null && name != "root" && !builtins.elem name known && !number name;
      given = entry.owner != "self" || entry.group != "self";
    in
    optional (platform.ownFiles && given && entry.deliver or "file" == "file") (refuse ''
      ${entry.option}.owner: what a user installs belongs to that user, and cannot be given away.
      Leave out `owner` and `group`, or declare the secret in the configuration of the system.'')
    ++ optional (lib.hasSuffix ".service" entry.service) (refuse ''
      ${entry.option}.service: services are named without `.service` here.
      Write `${lib.removeSuffix ".service" entry.service}`.'')
    ++ optional madeAtStart (refuse ''
      ${entry.option}: the user of `${entry.service}.service` is made when it starts (`DynamicUser`), so no file can belong to it before.
      Deliver it as a credential (`deliver = "credential"`), which such a service can read.'')
    ++ optional (!madeAtStart && unknown platform.users entry.owner) (refuse ''
      ${entry.option}.owner: there is no user `${entry.owner}` on this host.
      Declare `users.users.${entry.owner}`, correct the name, or give its number.'')
    ++ optional (!madeAtStart && unknown platform.groups entry.group) (refuse ''
      ${entry.option}.group: there is no group `${entry.group}` on this host.
      Declare `users.groups.${entry.group}`, correct the name, or give its number.'');

  units =
    entry:
    map
      (unit: refuse ''
        ${entry.option}: `${unit}` is a template, and only instances of it run, so nothing can restart it.
        Name the instances, such as `${lib.replaceStrings [ "@." ] [ "@NAME." ] unit}`.'')
      (lib.filter shared.units.isTemplate (entry.restartUnits ++ entry.reloadUnits))
    ++
    map
      (
        unit:
        refuse (
          if platform.unitOfUsers unit then
            ''
              ${entry.option}: `${unit}` is a unit of users, and the system restarts none of these.
              Declare the secret in the user's home, with the home-manager module.''
          else
            ''
              ${entry.option}: there is no unit `${unit}` on this host.
              Correct the name; if a package brings the unit, list it in `secretctl.externalUnits`.''
        )
      )
      (
        lib.filter (unit: !platform.unitExists unit) (
          lib.unique (
            entry.restartUnits
            ++ entry.reloadUnits
            ++ optional (
              platform.credentials && entry.deliver or "file" == "credential"
            ) "${entry.service}.service"
          )
        )
      );

  early =
    entry:
    optional (entry.neededForUsers && !platform.early) (refuse ''
      ${entry.option}.neededForUsers: ${platform.name} creates no users from secrets.
      Leave it out.'')
    ++
    optional (platform.early && entry.neededForUsers && (entry.owner != "root" || entry.group != "root")) (refuse ''
      ${entry.option}.owner: only root can own what is there before users are created.
      Leave out `owner`, `group` and `service`.'');

  keyMarks = [
    "AGE-SECRET-KEY-"
    "PRIVATE KEY-----"
    "AGE-PLUGIN-"
  ];

  texts =
    entry:
    optional (entry.path != null && lib.hasPrefix "${cfg.link}/" entry.path) (refuse ''
      ${entry.option}.path: templates land below `${cfg.link}/rendered`, and nowhere else below `${cfg.link}`.
      Leave `path` out, or choose one elsewhere.'')
    ++
    optional (lib.any (mark: lib.hasInfix mark entry.content) keyMarks) (refuse ''
      ${entry.option}.content: the text holds a private key, and it would lie in the Nix store, which every local user can read.
      Put the key into the fleet with `secretctl set NAME --from-file FILE`, and write `<secret:NAME>` here.'')
    ++ lib.concatMap (ungranted entry) (shared.placeholders.needed entry.content);

  wiped = lib.filter volatile.volatile cfg.identities;

  identities =
    optional (declared && cfg.identities == [ ]) (refuse ''
      secretctl.identities: this host has no private key to open its secrets with.
      Name one that outlives a reboot, such as "/etc/ssh/ssh_host_ed25519_key".'')
    ++ map (path: refuse ''
      secretctl.identities: `${path}` is the public half of a key, which opens nothing.
      Name the private one, `${lib.removeSuffix ".pub" path}`.'') (lib.filter (lib.hasSuffix ".pub") cfg.identities)
    ++ map (path: refuse ''
      secretctl.identities: `${path}` lies on `${volatile.folder path}`, which is empty after a reboot.
      Name the key where it really lies, such as "/persist${path}", and see that this file system is mounted at boot.'') (
      optionals declared wiped
    );

  pending = facts.known && !facts.sealed && facts.state == "pending";
in
{
  config = lib.mkIf cfg.enable {
    assertions = concatLists [
      ofHost
      (lib.concatMap (entry: ungranted entry entry.secret) wanted)
      (lib.concatMap deliveries wanted)
      (lib.concatMap accounts files)
      (lib.concatMap units files)
      (lib.concatMap early wanted)
      (lib.concatMap texts templates)
      (places files)
      identities
    ];

    warnings =
      optional (pending && declared) ''
        secretctl: host `${cfg.host}` is pending, so it gets no secrets yet. Once it runs, take it up with
        `secretctl host set ${cfg.host} --ssh ADDRESS` and `secretctl seal`, then switch again.''
      ++ optional (declared && volatile.volatile cfg.state) ''
        secretctl.state: `${cfg.state}` lies on `${volatile.folder cfg.state}`, which is empty after a reboot. The host then forgets which manifests
        it accepted, and a replayed old one is not noticed. Keep the folder, or name one that outlives a reboot.'';
  };
}
