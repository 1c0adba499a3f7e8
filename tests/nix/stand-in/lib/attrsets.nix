# Functions on attribute sets.
lib:
let
  inherit (builtins) foldl' isAttrs;
in
rec {
  inherit (builtins)
    attrNames
    attrValues
    catAttrs
    getAttr
    hasAttr
    intersectAttrs
    listToAttrs
    mapAttrs
    removeAttrs
    zipAttrsWith
    ;

  nameValuePair = name: value: { inherit name value; };
  optionalAttrs = condition: set: if condition then set else { };
  genAttrs = names: f: genAttrs' names (name: nameValuePair name (f name));
  genAttrs' = list: f: listToAttrs (map f list);
  attrVals = names: set: map (name: set.${name}) names;
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  attrsToList = mapAttrsToList nameValuePair;
  mapAttrs' = f: set: listToAttrs (mapAttrsToList f set);
  filterAttrs = wanted: set: removeAttrs set (lib.filter (name: !(wanted name set.${name})) (attrNames set));
  concatMapAttrs = f: set: mergeAttrsList (mapAttrsToList f set);
  mergeAttrsList = foldl' (a: b: a // b) { };
  foldlAttrs =
    f: start: set:
    foldl' (sum: name: f sum name set.${name}) start (attrNames set);
  zipAttrs = zipAttrsWith (_: values: values);
  foldAttrs =
    f: start: sets:
    zipAttrsWith (_: lib.foldr f start) sets;

  attrByPath =
    path: default: set:
    if path == [ ] then
      set
    else if isAttrs set && set ? ${lib.head path} then
      attrByPath (lib.tail path) default set.${lib.head path}
    else
      default;
  hasAttrByPath =
    path: set:
    path == [ ] || (isAttrs set && set ? ${lib.head path} && hasAttrByPath (lib.tail path) set.${lib.head path});
  getAttrFromPath =
    path: set: attrByPath path (abort "cannot find attribute '${lib.concatStringsSep "." path}'") set;
  showAttrPath =
    path:
    if path == [ ] then
      "<root attribute path>"
    else
      lib.concatMapStringsSep "." lib.strings.escapeNixIdentifier path;
  setAttrByPath = path: value: lib.foldr (name: inner: { ${name} = inner; }) value path;

  recursiveUpdateUntil =
    stop: a: b:
    let
      merge =
        path:
        zipAttrsWith (
          name: values:
          let
            here = path ++ [ name ];
            new = lib.head values;
            old = lib.elemAt values 1;
          in
          if lib.length values == 1 || stop here old new then new else merge here values
        );
    in
    merge [ ] [
      b
      a
    ];
  recursiveUpdate = recursiveUpdateUntil (
    _: a: b:
    !(isAttrs a && isAttrs b)
  );

  mapAttrsRecursive = mapAttrsRecursiveCond (_: true);
  mapAttrsRecursiveCond =
    descend: f:
    let
      walk =
        path:
        mapAttrs (
          name: value:
          let
            here = path ++ [ name ];
          in
          if isAttrs value && descend value then walk here value else f here value
        );
    in
    walk [ ];
  collect =
    wanted: x:
    if wanted x then
      [ x ]
    else if isAttrs x then
      lib.concatMap (collect wanted) (attrValues x)
    else
      [ ];
  filterAttrsRecursive =
    wanted: set:
    mapAttrs (_: value: if isAttrs value then filterAttrsRecursive wanted value else value) (
      filterAttrs wanted set
    );

  isDerivation = x: x.type or null == "derivation";
  toDerivation =
    path:
    let
      path' = builtins.storePath path;
    in
    {
      type = "derivation";
      name = builtins.unsafeDiscardStringContext (lib.substring 33 (-1) (baseNameOf path'));
      outPath = path';
      outputs = [ "out" ];
      outputName = "out";
      out = toDerivation path;
    };
  getOutput =
    output: package:
    if package.outputSpecified or false then package else package.${output} or package.out or package;
  getBin = getOutput "bin";
  getLib = getOutput "lib";
  getDev = getOutput "dev";
  recurseIntoAttrs = set: set // { recurseForDerivations = true; };
}
