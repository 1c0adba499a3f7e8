# Calls a package with what it asks for by name.
{ lib, pkgs }:
let
  call =
    path: changes:
    let
      f = if lib.isFunction path then path else import path;
      result = f (lib.intersectAttrs (lib.functionArgs f) pkgs // changes);
      overridable = {
        override =
          more: call f (changes // (if lib.isFunction more then more changes else more));
      };
    in
    if lib.isAttrs result then result // overridable else result;
in
call
