using System.Globalization;
using System.Text;

namespace Banyan.Server.Discussions;

/// <summary>The difference of two lists of lines in hunks, by Myers' algorithm (1986), the shortest there is up to a bound.</summary>
static class LineDiff
{
    const int Context = 3, MostEdits = 1500;

    /// <summary>Writes the hunks. Lines have their ends; one that has none is marked as git marks it.</summary>
    /// <param name="text">Receives them.</param>
    /// <param name="before">Lines as they were.</param>
    /// <param name="after">Lines as they are.</param>
    /// <param name="steps">How long the shortest difference may be looked for; is taken what it took. Where nothing is left all goes and
    /// all comes.</param>
    public static void Write(StringBuilder text, string[] before, string[] after, ref long steps)
    {
        var edits = Edits(before, after, ref steps);
        for (var i = 0; i < edits.Count;)
        {
            if (edits[i].Kind == ' ')
            {
                i++;
                continue;
            }
            // A hunk goes on over up to twice the context of lines that are the same.
            var (first, last) = (Math.Max(0, i - Context), i);
            for (var j = i; j < edits.Count && j - last <= 2 * Context; j++)
                if (edits[j].Kind != ' ')
                    last = j;
            var end = Math.Min(edits.Count, last + Context + 1);
            Hunk(text, edits, first, end, before, after);
            i = end;
        }
    }

    static void Hunk(StringBuilder text, List<(char Kind, int Old, int New)> edits, int first, int end, string[] before, string[] after)
    {
        int old = 0, now = 0;
        for (var i = first; i < end; i++)
        {
            old += edits[i].Kind != '+' ? 1 : 0;
            now += edits[i].Kind != '-' ? 1 : 0;
        }
        text.Append(CultureInfo.InvariantCulture, $"@@ -{Range(edits[first].Old, old)} +{Range(edits[first].New, now)} @@\n");
        for (var i = first; i < end; i++)
        {
            var line = edits[i].Kind == '+' ? after[edits[i].New] : before[edits[i].Old];
            text.Append(edits[i].Kind).Append(line);
            if (!line.EndsWith('\n'))
                text.Append("\n\\ No newline at end of file\n");
        }
    }

    /// <summary>Lines are counted from 1; none are told as being after the line before.</summary>
    static string Range(int start, int count) =>
        count == 1 ? (start + 1).ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{(count == 0 ? start : start + 1)},{count}");

    /// <summary>Each line that is kept (' '), removed ('-') or added ('+'), with where both sides are there.</summary>
    static List<(char Kind, int Old, int New)> Edits(string[] before, string[] after, ref long steps)
    {
        var (n, m) = (before.Length, after.Length);
        var most = Math.Min(n + m, MostEdits);
        var reach = new int[2 * most + 3];          // [diagonal + most + 1]: how far the old side is
        var trace = new List<int[]>();
        for (var d = 0; d <= most && steps > 0; d++)
        {
            steps -= d;
            trace.Add(reach[(most + 1 - d)..(most + 2 + d)]);
            for (var k = -d; k <= d; k += 2)
            {
                var x = k == -d || (k != d && reach[most + k] < reach[most + 2 + k]) ? reach[most + 2 + k] : reach[most + k] + 1;
                while (x < n && x - k < m && before[x] == after[x - k])
                {
                    steps -= 1 + before[x].Length / 16;
                    x++;
                }
                reach[most + 1 + k] = x;
                if (x >= n && x - k >= m)
                    return Back(trace, n, m, d);
            }
        }
        // Too different to look for the shortest: all goes and all comes.
        return [.. Enumerable.Range(0, n).Select(i => ('-', i, 0)), .. Enumerable.Range(0, m).Select(i => ('+', n, i))];
    }

    /// <summary>Follows the trace from the end. <c>trace[d]</c> holds diagonals -d to d as they were before step d.</summary>
    static List<(char, int, int)> Back(List<int[]> trace, int x, int y, int steps)
    {
        var edits = new List<(char, int, int)>();
        for (var d = steps; d >= 0; d--)
        {
            var (k, row) = (x - y, trace[d]);
            int At(int diagonal) => diagonal < -d || diagonal > d ? 0 : row[diagonal + d];
            var down = k == -d || (k != d && At(k - 1) < At(k + 1));
            var (fromX, fromK) = d == 0 ? (0, 0) : down ? (At(k + 1), k + 1) : (At(k - 1), k - 1);
            var fromY = fromX - fromK;
            while (x > (d == 0 ? 0 : down ? fromX : fromX + 1) && y > (d == 0 ? 0 : down ? fromY + 1 : fromY))
                edits.Add((' ', --x, --y));
            if (d == 0)
                break;
            edits.Add(down ? ('+', x, --y) : ('-', --x, y));
        }
        edits.Reverse();
        return edits;
    }
}
