//! Two texts line by line: what went, what came.

/// Table entries the comparison may use; larger texts are compared in one piece between their common ends.
const MOST_CELLS: usize = 16 << 20;

/// The lines of `before` and `after` in one text: ` ` kept, `-` gone, `+` new, with `context` kept lines around each change and
/// `...` where lines are left out. Empty where the texts are equal.
pub fn lines(before: &str, after: &str, context: usize) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    if old == new {
        return String::new();
    }
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut marked: Vec<(char, &str)> = old[..head].iter().map(|line| (' ', *line)).collect();
    marked.extend(middle(&old[head..old.len() - tail], &new[head..new.len() - tail]));
    marked.extend(old[old.len() - tail..].iter().map(|line| (' ', *line)));
    shown(&marked, context)
}

/// A longest common subsequence, by the table of its lengths.
fn middle<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(char, &'t str)> {
    let (n, m) = (old.len(), new.len());
    if (n + 1).saturating_mul(m + 1) > MOST_CELLS {
        return old.iter().map(|l| ('-', *l)).chain(new.iter().map(|l| ('+', *l))).collect();
    }
    let mut common = vec![vec![0u32; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::with_capacity(n + m));
    while i < n || j < m {
        if i < n && j < m && old[i] == new[j] {
            out.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == m || (i < n && common[i + 1][j] >= common[i][j + 1]) {
            out.push(('-', old[i]));
            i += 1;
        } else {
            out.push(('+', new[j]));
            j += 1;
        }
    }
    out
}

fn shown(marked: &[(char, &str)], context: usize) -> String {
    let changed: Vec<usize> = (0..marked.len()).filter(|i| marked[*i].0 != ' ').collect();
    let near = |i: usize| {
        let next = changed.partition_point(|c| *c < i);
        let beside = [next.checked_sub(1), Some(next)];
        beside.into_iter().flatten().filter_map(|k| changed.get(k)).any(|c| c.abs_diff(i) <= context)
    };
    let mut out = String::new();
    let mut skipped = false;
    for (i, (mark, line)) in marked.iter().enumerate() {
        if near(i) {
            if skipped {
                out += "...\n";
            }
            out.push(*mark);
            out += line;
            out.push('\n');
        }
        skipped = !near(i);
    }
    if skipped {
        out += "...\n";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_no_difference() {
        assert_eq!(lines("a\nb\n", "a\nb\n", 3), "");
    }

    #[test]
    fn a_changed_line_stands_between_its_neighbours() {
        assert_eq!(lines("a\nb\nc\nd\n", "a\nb\nx\nd\n", 1), "...\n b\n-c\n+x\n d\n");
    }

    #[test]
    fn what_moved_is_kept_where_most_lines_stay() {
        assert_eq!(lines("a\nb\nc\n", "b\nc\na\n", 9), "-a\n b\n c\n+a\n");
    }

    #[test]
    fn an_empty_side_is_all_new_or_all_gone() {
        assert_eq!(lines("", "a\n", 0), "+a\n");
        assert_eq!(lines("a\n", "", 0), "-a\n");
    }
}
