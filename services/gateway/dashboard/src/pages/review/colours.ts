// A colour for each class, told apart on metal as on board; names stand beside, so nobody needs the colour.

const COLOURS = ["#ff6b62", "#ffc53d", "#4cc9f0", "#b388ff", "#5ee08e", "#ff8fc7", "#ff9f45", "#9be7e0"];

export const colourOf = (className: string, classes: readonly string[]): string => {
  const at = classes.indexOf(className);
  return at < 0 ? "#ffffff" : (COLOURS[at % COLOURS.length] as string);
};
