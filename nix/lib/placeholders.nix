# The secrets that a template names, found by reading its text.
{ lib }:

let
  namesAfter =
    marker: text:
    let
      pieces = lib.drop 1 (lib.splitString marker text);
      name = piece: builtins.match "([A-Za-z0-9._/-]+)[|>].*" (lib.head (lib.splitString "\n" piece));
    in
    lib.concatMap (
      piece:
      let
        found = name piece;
      in
      if found == null then [ ] else found
    ) pieces;
in
rec {
  # Every secret whose value the text wants.
  values = text: lib.unique (namesAfter "<secret:" text);

  # Secrets that the text does without when they are not granted.
  conditions = text: lib.unique (namesAfter "<secret-if:" text);

  # What must be granted for the text to be rendered at all. The build check decides over the rest, exactly.
  needed = text: lib.subtractLists (conditions text) (values text);
}
