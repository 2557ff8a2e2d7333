namespace Banyan.Evaluation.Efficiency;

/// <summary>
/// Finds places for the names in a <see cref="ParetoPlot"/>: beside their points, inside the picture, without overlap if possible.
/// </summary>
static class ParetoLabels
{
    /// <summary>
    /// A character's width at 12 px, on the wide side, for fonts differ; the height of a line; how far a name is from its point.
    /// </summary>
    const double CharacterWidth = 6.6, BoldWidth = 7.2, LineHeight = 13, Gap = 8, PointRadius = 6;

    /// <summary>A rectangle.</summary>
    public readonly record struct Box(double Left, double Top, double Right, double Bottom)
    {
        /// <summary>The overlap of two rectangles.</summary>
        public double Overlap(Box other) =>
            Math.Max(0, Math.Min(Right, other.Right) - Math.Max(Left, other.Left))
            * Math.Max(0, Math.Min(Bottom, other.Bottom) - Math.Max(Top, other.Top));
    }

    /// <summary>
    /// For each point the place where its name's base line begins, and the room it takes. Names of the best come first; lines are crossed
    /// where nothing better is free.
    /// </summary>
    public static IReadOnlyList<(double X, double Y, Box Room)> Place(IReadOnlyList<(double X, double Y, string Name, bool IsBest)> points,
        IEnumerable<Box> lines, Box picture)
    {
        var crossed = lines.ToList();
        var taken = points.Select(p => new Box(p.X - PointRadius, p.Y - PointRadius, p.X + PointRadius, p.Y + PointRadius)).ToList();
        var rooms = new Box[points.Count];
        foreach (var (index, point) in points.Index().OrderByDescending(p => p.Item.IsBest).ThenBy(p => p.Item.X).ThenBy(p => p.Item.Y))
        {
            var width = point.Name.Length * (point.IsBest ? BoldWidth : CharacterWidth);
            var best = Candidates(point.X, point.Y, width)
                .MinBy(room => 10 * (taken.Sum(room.Overlap) + Outside(room, picture)) + crossed.Sum(room.Overlap));
            rooms[index] = best;
            taken.Add(best);
        }
        return [.. rooms.Select(r => (r.Left, r.Bottom - 3, r))];
    }

    static double Outside(Box room, Box picture) => (room.Right - room.Left) * (room.Bottom - room.Top) - room.Overlap(picture);

    /// <summary>Places in order of preference: beside the point, above and below it, then ever farther off.</summary>
    static IEnumerable<Box> Candidates(double x, double y, double width)
    {
        for (var step = 0; step <= 4; step++)
            foreach (var down in step == 0 ? [-0.5, 0.5, 0] : (double[])[-0.5 - step, 0.5 + step])
                foreach (var left in (double[])[x + Gap, x - Gap - width, x - width / 2])
                    yield return new(left, y + down * LineHeight - LineHeight / 2, left + width, y + down * LineHeight + LineHeight / 2);
    }
}
