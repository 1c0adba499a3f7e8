# What types that hold other types have in common.
lib: {
  # The description of a type that another one holds, in brackets unless it is of one of these classes.
  phrase = classes: lib.types.optionDescriptionPhrase (class: lib.elem class classes);

  elemTypeFunctor = name: payload: {
    inherit name payload;
    type = payload: lib.types.${name} payload.elemType;
    binOp =
      a: b:
      let
        elemType = a.elemType.typeMerge b.elemType.functor;
      in
      if elemType == null then null else { inherit elemType; };
  };
}
