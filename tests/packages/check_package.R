# Reads a run's tables as its data package says, with R alone.
#
#     Rscript check_package.R RUN
#
# Made with R 4.2.2. Not run by the test suite.
run <- commandArgs(trailingOnly = TRUE)[1]
tables <- list.files(run, pattern = "\\.csv$")
stopifnot(length(tables) > 0)
for (file in tables) {
  table <- read.csv(file.path(run, file), na.strings = "", check.names = FALSE, encoding = "UTF-8")
  stopifnot(nrow(table) > 0, "schema" %in% names(table), all(table$schema == 1))
  for (column in intersect(c("value", "difference", "p_value", "wall_seconds", "merged"), names(table))) {
    stopifnot(is.numeric(table[[column]]))
  }
  for (column in intersect(c("higher_is_better", "identical", "cached", "exact"), names(table))) {
    logical <- type.convert(toupper(as.character(table[[column]])), as.is = TRUE)
    stopifnot(is.logical(logical))
  }
  cat(sprintf("R: %s: %d rows, %d columns\n", file, nrow(table), ncol(table)))
}
results <- read.csv(file.path(run, "results.csv"), na.strings = "")
stopifnot(!anyDuplicated(results$row))
cat("read\n")
