# What evaluation may know of a fleet: its settings, and what one host was granted. Reads plain files only.
{ lib }:

# The fleet repository, and the name of a host in it.
fleet: host:

let
  settingsFile = fleet + "/secretctl.toml";
  hasSettings = builtins.pathExists settingsFile;
  settings = if hasSettings then builtins.fromTOML (builtins.readFile settingsFile) else { };
  hosts = settings.hosts or { };

  tree = fleet + "/sealed/${host}";
  manifestFile = tree + "/manifest.json";
  sealed = builtins.pathExists manifestFile;
  manifest = builtins.fromJSON (builtins.readFile manifestFile);

  deniedFile = tree + "/denied.json";
  denied =
    if builtins.pathExists deniedFile then
      (builtins.fromJSON (builtins.readFile deniedFile)).denied
    else
      [ ];

  # `a/b` for secrets/a/b.age, below a folder of sources.
  sources =
    folder:
    lib.concatLists (
      lib.mapAttrsToList (
        name: kind:
        if kind == "directory" then
          map (below: "${name}/${below}") (sources (folder + "/${name}"))
        else
          lib.optional (lib.hasSuffix ".age" name) (lib.removeSuffix ".age" name)
      ) (builtins.readDir folder)
    );

  byName = entries: lib.groupBy (entry: entry.name) entries;
in
{
  inherit hasSettings sealed;

  # Names of all hosts, to tell a typing error from a host that waits for its key.
  hostNames = builtins.attrNames hosts;

  known = hosts ? ${host};

  # As in secretctl.toml: a host without a recipient is pending, whatever else is left out.
  state =
    (hosts.${host} or { }).state
      or (if (hosts.${host} or { }).recipients or [ ] == [ ] then "pending" else "active");

  signingKeys = lib.concatMap (admin: admin.signing-keys or [ ]) (
    builtins.attrValues (settings.admins or { })
  );

  # Grants by name of the secret; each has `services`, where "*" stands for all.
  grants = if sealed then builtins.mapAttrs (_: builtins.head) (byName manifest.secrets) else { };

  # What policy said about secrets that it does not grant, as the last `secretctl seal` wrote it down.
  objections = lib.groupBy (entry: entry.secret) denied;

  # Every secret that evaluation hears of: keys of documents only where this host was granted or denied them.
  names =
    lib.optionals (builtins.pathExists (fleet + "/secrets")) (sources (fleet + "/secrets"))
    ++ lib.optionals sealed (map (entry: entry.name) manifest.secrets)
    ++ map (entry: entry.secret) denied;

  # Files that the manifest lists and that are not in the folder that evaluation sees.
  missing = lib.optionals sealed (
    lib.filter (file: !builtins.pathExists (tree + "/${file}")) (
      map (entry: entry.file) (lib.filter (entry: entry ? file) manifest.secrets)
    )
  );

  hasSource = name: builtins.pathExists (fleet + "/secrets/${name}.age");

  # A store path of its own, so that the change of another host's tree does not rebuild this host.
  tree = builtins.path {
    path = tree;
    name = "secretctl-sealed-${host}";
    # Written for people and evaluation; the host has no use for it.
    filter = path: _: baseNameOf path != "denied.json";
  };
}
