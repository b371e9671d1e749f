//! How the values of a weight differ between the Hugging Face model and the GGUF file, and the way there and back.

/// What llama.cpp's converter does to a weight. Shapes are row-major.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing.
    Same,
    /// The rows of each head that rotate together, half a head apart in the model, lie side by side in the file:
    /// `[heads, 2, head_dim / 2]` becomes `[heads, head_dim / 2, 2]`. Llama's queries and keys.
    PairedRows,
    /// Query, key and value rows of a head lie together in the model, all queries, all keys, all values in the file:
    /// `[heads, 3, head_dim]` becomes `[3, heads, head_dim]`. GPT-NeoX, where there are as many key heads as heads.
    FusedByHead,
    /// The matrix is transposed, `[in, out]` in the model and `[out, in]` in the file. GPT-2's `Conv1D`.
    Transposed,
    /// One is added: the model multiplies by `1 + w`, the file holds `1 + w`. Gemma's norms.
    PlusOne,
}

impl Form {
    /// The shape in the model of what has this shape in the file, and the other way round.
    #[must_use]
    pub fn shape(self, shape: &[usize]) -> Vec<usize> {
        match self {
            Self::Transposed => shape.iter().rev().copied().collect(),
            _ => shape.to_vec(),
        }
    }

    /// Whether the file holds the model's rows in another order and changes nothing else.
    pub(super) fn moves_rows(self) -> bool {
        matches!(self, Self::PairedRows | Self::FusedByHead)
    }

    /// Where row `row` of the model's `rows` lies in the file.
    pub(super) fn row_in_file(self, row: usize, rows: usize, head_dim: usize) -> usize {
        match self {
            Self::PairedRows => {
                let (head, within) = (row / head_dim, row % head_dim);
                let half = head_dim / 2;
                head * head_dim + within % half * 2 + within / half
            }
            Self::FusedByHead => {
                let (block, within) = (row / head_dim, row % head_dim);
                let (head, part) = (block / 3, block % 3);
                part * (rows / 3) + head * head_dim + within
            }
            _ => row,
        }
    }

    /// The values as the file holds them, from those of the model.
    ///
    /// # Shapes
    /// `shape` is the model's, `values` as many as its product; the result has [`Form::shape`] of it. The first
    /// dimension of a form that moves rows is a whole number of heads of `head_dim` rows (an even number where rows
    /// are paired), three for each head where they are fused.
    #[must_use]
    pub fn to_file(self, shape: &[usize], head_dim: usize, values: Vec<f32>) -> Vec<f32> {
        match self {
            Self::Same => values,
            Self::PlusOne => values.into_iter().map(|value| value + 1.0).collect(),
            Self::Transposed => transpose(shape, &values),
            Self::PairedRows | Self::FusedByHead => {
                let (rows, width) = rows_of(shape);
                let mut file = vec![0.0; values.len()];
                for (row, source) in values.chunks_exact(width).enumerate() {
                    let start = self.row_in_file(row, rows, head_dim) * width;
                    file[start..start + width].copy_from_slice(source);
                }
                file
            }
        }
    }

    /// The values as the model holds them, from those of the file: the inverse of [`Form::to_file`], up to the
    /// rounding of `1 + w` (which leaves `1 + w` itself, all that the model uses, as it was).
    ///
    /// # Shapes
    /// `shape` is the file's, `values` as many as its product; the result has [`Form::shape`] of it.
    #[must_use]
    pub fn to_model(self, shape: &[usize], head_dim: usize, values: Vec<f32>) -> Vec<f32> {
        match self {
            Self::Same => values,
            Self::PlusOne => values.into_iter().map(|value| value - 1.0).collect(),
            Self::Transposed => transpose(shape, &values),
            Self::PairedRows | Self::FusedByHead => {
                let (rows, width) = rows_of(shape);
                let row = |row| {
                    let start = self.row_in_file(row, rows, head_dim) * width;
                    &values[start..start + width]
                };
                (0..rows).flat_map(row).copied().collect()
            }
        }
    }
}

/// Rows and values in each; a vector is a column.
fn rows_of(shape: &[usize]) -> (usize, usize) {
    let rows = shape.first().copied().unwrap_or(1);
    (rows, shape.iter().skip(1).product::<usize>().max(1))
}

fn transpose(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let (rows, columns) = rows_of(shape);
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn every_form_has_its_inverse() {
        let values: Vec<f32> = (0..96).map(|value| value as f32).collect();
        for form in [Form::Same, Form::PairedRows, Form::FusedByHead, Form::Transposed, Form::PlusOne] {
            for shape in [vec![24, 4], vec![96]] {
                let file = form.to_file(&shape, 4, values.clone());
                assert_eq!(form.to_model(&form.shape(&shape), 4, file), values, "{form:?} {shape:?}");
            }
        }
    }

    #[test]
    fn rows_lie_in_the_file_as_the_converter_puts_them() {
        let rows = |form: Form| form.to_file(&[12], 4, (0..12).map(|row| row as f32).collect());
        assert_eq!(rows(Form::PairedRows), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0, 8.0, 10.0, 9.0, 11.0]);
        let rows = |form: Form| form.to_file(&[12], 2, (0..12).map(|row| row as f32).collect());
        assert_eq!(rows(Form::FusedByHead), [0.0, 1.0, 6.0, 7.0, 2.0, 3.0, 8.0, 9.0, 4.0, 5.0, 10.0, 11.0]);
    }
}
