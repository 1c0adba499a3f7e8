# The innermost file system of NixOS around a path, or null.
{ lib, config }:

path:

let
  inside = folder: folder == "/" || path == folder || lib.hasPrefix "${folder}/" path;
  around = lib.filter (entry: entry.enable or true && inside entry.mountPoint) (
    builtins.attrValues config.fileSystems
  );
  deepest =
    a: b: if lib.stringLength a.mountPoint >= lib.stringLength b.mountPoint then a else b;
in
if around == [ ] then null else lib.foldl' deepest (lib.head around) around
