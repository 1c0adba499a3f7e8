# Properties of definitions: conditions, priorities and order.
lib:
let
  inherit (builtins) isAttrs mapAttrs;
  kind = value: value._type or null;
in
rec {
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  mkOrder = priority: content: {
    _type = "order";
    inherit priority content;
  };
  mkDefinition = args@{ file, value, ... }: args // { _type = "definition"; };
  mkAssert = condition: message: mkIf (condition || throw "\nFailed assertion: ${message}");

  mkForce = mkOverride 50;
  mkVMOverride = mkOverride 10;
  mkImageMediaOverride = mkOverride 60;
  defaultOverridePriority = 100;
  mkDefault = mkOverride 1000;
  mkOptionDefault = mkOverride 1500;
  mkBefore = mkOrder 500;
  defaultOrderPriority = 1000;
  mkAfter = mkOrder 1500;

  # Moves properties of a set to its attributes, so that no condition is asked before its attribute is.
  pushDownProperties =
    value:
    let
      wrap = f: map (set: if isAttrs set then mapAttrs (_: f) set else set) (pushDownProperties value.content);
    in
    {
      merge = lib.concatMap pushDownProperties value.contents;
      "if" = wrap (mkIf value.condition);
      override = wrap (mkOverride value.priority);
    }
    .${toString (kind value)} or [ value ];

  # The values that the conditions leave.
  dischargeProperties =
    value:
    if kind value == "merge" then
      lib.concatMap dischargeProperties value.contents
    else if kind value != "if" then
      [ value ]
    else if !(builtins.isBool value.condition) then
      throw "‘mkIf’ called with a non-Boolean condition"
    else
      lib.optionals value.condition (dischargeProperties value.content);

  filterOverrides = defs: (filterOverrides' defs).values;
  filterOverrides' =
    defs:
    let
      isOverride = def: kind def.value == "override";
      priority = def: if isOverride def then def.value.priority else defaultOverridePriority;
      strip = def: if isOverride def then def // { value = def.value.content; } else def;
      highestPrio = lib.foldl' lib.min 9999 (map priority defs);
    in
    {
      inherit highestPrio;
      values = map strip (lib.filter (def: priority def == highestPrio) defs);
    };

  sortProperties =
    defs:
    let
      isOrder = def: kind def.value == "order";
      strip =
        def:
        if isOrder def then
          def
          // {
            value = def.value.content;
            inherit (def.value) priority;
          }
        else
          def;
      rank = def: def.priority or defaultOrderPriority;
    in
    if lib.any isOrder defs then lib.sort (a: b: rank a < rank b) (map strip defs) else defs;
}
