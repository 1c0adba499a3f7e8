# Refuses what cannot lie where it is asked for: the rules of the host program, told with the option.
{
  lib,
  cfg,
  refuse,
}:

files:

let
  inherit (lib) optional;

  # As in ./types.nix; the name of a template or a delivery is the name of an attribute, which has no type.
  isName = name: builtins.match "[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*" name != null;

  options = lib.concatMapStringsSep " and of " (entry: entry.option);

  byPath = lib.groupBy (entry: entry.path) (lib.filter (entry: entry.path != null) files);
  byPlace = lib.groupBy (entry: entry.as) files;

  twice = lib.filterAttrs (_: entries: lib.length entries > 1);

  names =
    entry:
    optional (!isName entry.as) (refuse ''
      ${entry.option}: `${entry.as}` cannot be the name of a file below `${cfg.link}`.
      Names are letters, digits, `.`, `_` and `-`, in segments divided by `/` that begin with a letter or digit.'')
    ++ optional (lib.hasPrefix "rendered/" entry.as && entry ? secret) (refuse ''
      ${entry.option}: `${cfg.link}/rendered` is the folder of templates.
      Choose another name, and set `secret` to the name in the fleet.'');

  open = [
    "/tmp"
    "/private/tmp"
    "/var/tmp"
    "/dev/shm"
  ];

  elsewhere =
    entry:
    map (folder: refuse ''
      ${entry.option}.path: everybody may write to `${folder}`, so anybody could be at `${entry.path}` first.
      Leave `path` out, or choose a folder that not everybody may write to.'') (
      lib.filter (folder: entry.path != null && lib.hasPrefix "${folder}/" entry.path) open
    );

  # `a` and `a/b` for `a/b/c`.
  folders =
    name:
    let
      segments = lib.splitString "/" name;
    in
    map (n: lib.concatStringsSep "/" (lib.take n segments)) (lib.range 1 (lib.length segments - 1));

  asFolder =
    entry:
    map (folder: refuse ''
      ${entry.option}: `${cfg.link}/${folder}` would be its folder, and is the file of ${options byPlace.${folder}}.
      Give one of them another name; for a secret, `secret` then says what it is called in the fleet.'') (
      lib.filter (folder: byPlace ? ${folder}) (folders entry.as)
    );
in
lib.mapAttrsToList (path: entries: refuse ''
  ${path} is the path of ${options entries}.
  Give each a `path` of its own.'') (twice byPath)
++ lib.mapAttrsToList (place: entries: refuse ''
  ${cfg.link}/${place} is the place of ${options entries}.
  Give one of them another name; for a secret, `secret` then says what it is called in the fleet.'') (twice byPlace)
++ lib.concatMap (entry: names entry ++ asFolder entry ++ elsewhere entry) files
