# Options as a list that a page of options can be made from.
lib:
let
  inherit (lib) isOption optionalAttrs;

  # What an option with subordinate options would show as its value is told by those already.
  emptyDefault =
    type: (type.emptyValue or { }) ? value && type.getSubModules or null == null;

  document =
    option:
    let
      visible = option.visible or true;
      type = option.type or { };
      hasDefault = option ? defaultText || option ? default || emptyDefault type;
    in
    {
      name = lib.showOption option.loc;
      inherit (option) loc;
      description = option.description or null;
      declarations = lib.remove lib.options.unknownModule option.declarations;
      internal = option.internal or false;
      visible = if builtins.isBool visible then visible else visible == "shallow";
      readOnly = option.readOnly or false;
      type = type.description or "unspecified";
    }
    // optionalAttrs (option ? example) { example = lib.options.renderOptionValue option.example; }
    // optionalAttrs hasDefault {
      default = lib.options.renderOptionValue (option.defaultText or (option.default or type.emptyValue.value));
    }
    // optionalAttrs (option.relatedPackages or null != null) { inherit (option) relatedPackages; };

  subordinate =
    option:
    let
      visible = option.visible or true;
      shown = if builtins.isBool visible then visible else visible == "transparent";
    in
    lib.optionals shown (lib.optionAttrSetToDocList (option.type.getSubOptions option.loc));
in
{
  optionAttrSetToDocList =
    options:
    lib.concatMap (option: [ (document option) ] ++ subordinate option) (lib.collect isOption options);

  renderOptionValue =
    value:
    if value ? _type && value ? text then
      value
    else
      lib.literalExpression (lib.generators.toPretty { allowPrettyValues = true; } value);
}
