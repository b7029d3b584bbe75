//! Writing reports and figures.

use crate::{
    examples::{self, examples},
    figure::{self, Section},
    page::page,
    plot::{palette::Schemes, picture::Pictures, scatter},
    run::{ReportError, Run},
    words::summary,
};
use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

/// A report of a run.
#[derive(Debug)]
pub struct Report {
    run: Run,
    sections: Vec<Section>,
}

impl Report {
    /// Reads a run from its folder or its `run.json`.
    ///
    /// # Errors
    /// There is no run, or one of its tables cannot be read. A table that is missing is no error.
    pub fn read(run: &Path) -> Result<Self, ReportError> {
        let run = Run::open(run)?;
        let sections = figure::sections(&run);
        Ok(Self { run, sections })
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.run.folder
    }

    /// The report as HTML.
    pub fn html(&self) -> String {
        let examples = examples(&self.run, examples::BUDGET);
        page(&self.run, &summary(&self.run), &self.sections, &examples)
    }

    /// Writes the report as one HTML file.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn write(&self, path: &Path) -> Result<(), ReportError> {
        replace(path, self.html().as_bytes())
    }

    /// Writes every figure as SVG and as PNG, and returns their paths.
    ///
    /// # Errors
    /// What the file system refuses, or a figure that cannot be drawn.
    pub fn plots(&self, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
        fs::create_dir_all(folder).map_err(unwritable(folder))?;
        let pictures = Pictures::new();
        let mut written = Vec::new();
        for section in &self.sections {
            let folded = section.more.iter().flat_map(|(_, figures)| figures);
            for figure in section.figures.iter().chain(folded) {
                let path = folder.join(format!("{}.svg", figure.name));
                replace(&path, figure.drawing.file(Schemes::Both).as_bytes())?;
                written.push(path);
                let png = pictures.png(&figure.drawing);
                let png = png.map_err(|message| ReportError::Picture {
                    figure: figure.name.clone(),
                    message,
                })?;
                let path = folder.join(format!("{}.png", figure.name));
                replace(&path, &png)?;
                written.push(path);
            }
        }
        Ok(written)
    }
}

/// Name of the report in a run's folder.
pub const REPORT: &str = "report.html";

/// Name of the plot of gains over the geometry of experts.
const ORTHOGONALITY: &str = "orthogonality.svg";

/// Writes what belongs into a run's folder beside its tables: the report, and the plot of what
/// merges gain over how the experts lie to each other. Returns the report's path.
///
/// # Errors
/// As [`Report::read`], and what the file system refuses.
pub fn write_beside(run: &Path) -> Result<PathBuf, ReportError> {
    let report = Report::read(run)?;
    let folder = report.folder().to_owned();
    let plot = folder.join(ORTHOGONALITY);
    let (name, points) = (&report.run.record.experiment, &report.run.points);
    match scatter::orthogonality(name, points) {
        Some(drawing) => replace(&plot, drawing.file(Schemes::Both).as_bytes())?,
        // One that an earlier run left is about other models.
        None => match fs::remove_file(&plot) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(&plot)(e)),
            _ => {}
        },
    }
    let page = folder.join(REPORT);
    report.write(&page)?;
    Ok(page)
}

/// Writes a file under a temporary name and renames it once it is on disk.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp-{}", std::process::id()));
    File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| {
            // The error to report is the one that stopped the write.
            let _ = fs::remove_file(&temporary);
        })
        .map_err(unwritable(path))
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> ReportError {
    move |error| ReportError::Unwritable {
        path: path.to_owned(),
        message: error.to_string(),
    }
}
