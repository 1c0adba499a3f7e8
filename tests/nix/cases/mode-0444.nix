{
  secretctl.secrets."any/token".mode = "0444";
}
