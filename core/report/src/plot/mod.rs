//! Figures as SVG, drawn from plain inputs: text stays text, and colours follow the reader's light or
//! dark scheme.
//!
//! | module | what it is |
//! |---|---|
//! | `axis` | round numbers along an axis |
//! | `label` | how wide a text is |
//! | `number` | numbers as people read them |
//! | `palette` | colours and the style sheet |
//! | `shape` | shapes of marks |
//! | `svg` | elements |
//! | `xml` | text within elements |
//! | `drawing` | elements as a file, or as a part of a page |
//! | `forest` | differences with intervals and a band |
//! | `curves` | values over a parameter |
//! | `heat` | numbers in a coloured grid |
//! | `ranks` | average ranks with groups, Demšar's critical-difference diagram |
//! | `bars` | amounts, with intervals where there are any |
//! | `strip` | replicates beside each other |
//! | `scatter` | gain of merges over the geometry of experts |
//! | `picture` | PNG |

pub(crate) mod axis;
pub(crate) mod bars;
pub(crate) mod curves;
pub(crate) mod drawing;
pub(crate) mod forest;
pub(crate) mod heat;
pub(crate) mod label;
pub(crate) mod number;
pub(crate) mod palette;
pub(crate) mod picture;
pub(crate) mod ranks;
pub(crate) mod scatter;
pub(crate) mod shape;
pub(crate) mod strip;
pub(crate) mod svg;
pub(crate) mod xml;
