//! Plots as SVG files: text stays text, and colours follow the reader's light or dark scheme.
//!
//! | module | what it is |
//! |---|---|
//! | `axis` | round numbers along an axis |
//! | `svg` | elements and their escaping |
//! | `orthogonality` | gain of merges over the cosine of experts |

mod axis;
mod orthogonality;
mod svg;

pub use orthogonality::orthogonality;
