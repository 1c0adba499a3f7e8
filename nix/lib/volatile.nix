# Whether a path outlives a reboot, as far as the configuration tells.
{ lib }:

{
  # Mount points with their file system types: `{ "/persist" = "zfs"; }`.
  fileSystems,
  # Paths that are wiped at boot though their file system type does not say so, such as a root that is rolled back.
  volatilePaths,
}:

let
  inside = path: folder: folder == "/" || path == folder || lib.hasPrefix "${folder}/" path;

  memory = [
    "tmpfs"
    "ramfs"
  ];

  # The innermost mount or wiped path around `path` decides.
  places =
    lib.mapAttrsToList (folder: fsType: {
      inherit folder;
      volatile = builtins.elem fsType memory;
    }) fileSystems
    ++ map (path: {
      folder = if path == "/" then path else lib.removeSuffix "/" path;
      volatile = true;
    }) volatilePaths;

  around = path: lib.filter (place: inside path place.folder) places;

  deeper =
    a: b:
    if lib.stringLength a.folder == lib.stringLength b.folder then
      # A path that is declared as wiped is wiped, whatever is mounted there.
      (if a.volatile then a else b)
    else if lib.stringLength a.folder > lib.stringLength b.folder then
      a
    else
      b;

  innermost =
    path:
    let
      found = around path;
    in
    if found == [ ] then null else lib.foldl' deeper (lib.head found) (lib.tail found);
in
{
  volatile =
    path:
    let
      place = innermost path;
    in
    place != null && place.volatile;

  # The folder that makes it so, for messages.
  folder = path: (innermost path).folder;
}
