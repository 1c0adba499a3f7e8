# Runs the cases that need no error of the module system, and lists what is not as it should be.
{
  lib,
  # Evaluates a list of modules on NixOS with our module.
  evaluate,
}:

let
  messages = config: map (entry: entry.message) (lib.filter (entry: !entry.assertion) config.assertions);

  refusal =
    name: case:
    let
      said = lib.concatStringsSep "\n" (messages (evaluate [ case.module ]).config);
      missing = lib.filter (words: !lib.hasInfix words said) case.says;
    in
    lib.optional (missing != [ ]) { inherit name said missing; };

  accepted =
    name: case:
    let
      inherit (evaluate [ case.module ]) config;
      given = case.gives config;
      # Where a case names no store path, none is compared.
      compared = if builtins.isAttrs given then builtins.intersectAttrs case.expected given else given;
      refused = messages config;
    in
    lib.optional (compared != case.expected || refused != [ ]) {
      inherit name refused;
      given = compared;
      inherit (case) expected;
    };

  all = check: cases: lib.concatLists (lib.mapAttrsToList check cases);
  # Each file of a folder is a set of cases.
  every =
    folder:
    lib.foldl' (all: name: all // import (folder + "/${name}") { inherit lib; }) { } (
      builtins.attrNames (builtins.readDir folder)
    );
  # By name, a configuration that evaluation must refuse, and words of the message.
  refusals = every ./refusals;
  # By name, a configuration that must evaluate, and what comes of parts of its result.
  accepts = every ./accepted;
in
{
  failed = all refusal refusals ++ all accepted accepts;
  count = lib.length (builtins.attrNames refusals ++ builtins.attrNames accepts);
}
