using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Arena;

/// <summary>
/// Strengths of models from pairwise votes (Bradley and Terry 1952): P(i is preferred to j) = pᵢ/(pᵢ + pⱼ); a tie is half a win for each.
/// Fitted by Hunter's minorization (2004). Every model also has one virtual tie with a model of average strength, so that one that won
/// every vote has a finite strength.
/// </summary>
sealed class BradleyTerry
{
    const double Virtual = 1;

    readonly double[,] _wins;
    readonly double[] _strengths;

    /// <summary>Fits strengths to <paramref name="wins"/>[i, j]: how often i was preferred to j.</summary>
    public BradleyTerry(double[,] wins, double[]? start = null)
    {
        _wins = wins;
        var n = wins.GetLength(0);
        _strengths = start is null ? [.. Enumerable.Repeat(1.0, n)] : [.. start];
        var next = new double[n];
        for (var iteration = 0; iteration < 10_000; iteration++)
        {
            var change = 0.0;
            for (var i = 0; i < n; i++)
            {
                double won = Virtual / 2, weight = Virtual / (_strengths[i] + 1);
                for (var j = 0; j < n; j++)
                    if (i != j)
                    {
                        won += wins[i, j];
                        weight += (wins[i, j] + wins[j, i]) / (_strengths[i] + _strengths[j]);
                    }
                next[i] = won / weight;
                change = Math.Max(change, Math.Abs(Math.Log(next[i] / _strengths[i])));
            }
            Array.Copy(next, _strengths, n);
            if (change < 1e-9)
                break;
        }
    }

    /// <summary>Strengths p.</summary>
    public IReadOnlyList<double> Strengths => _strengths;

    /// <summary>A strength on the Elo scale: 400 points are odds of ten to one, 1000 is average.</summary>
    public static double Elo(double strength) => 1000 + 400 * Math.Log10(strength);

    /// <summary>
    /// How much log pₐ − log p_b falls for each vote "i before j" turned into "j before i", to first order: the inverse of the information
    /// matrix.
    /// </summary>
    public double[] Gradient(int a, int b)
    {
        var right = new double[_strengths.Length];
        (right[a], right[b]) = (1, -1);
        return Solve(right);
    }

    /// <summary>The standard error of a model's log p against the mean over all models, from the information in the votes.</summary>
    public double StandardError(int model)
    {
        double[] against = [.. _strengths.Select((_, i) => (i == model ? 1 : 0) - 1.0 / _strengths.Length)];
        return Math.Sqrt(Solve(against).Zip(against, (x, y) => x * y).Sum());
    }

    /// <summary>The information matrix's inverse times a vector.</summary>
    double[] Solve(double[] right)
    {
        var n = _strengths.Length;
        var matrix = new double[n, n + 1];
        for (var i = 0; i < n; i++)
        {
            matrix[i, i] = Virtual * _strengths[i] / ((_strengths[i] + 1) * (_strengths[i] + 1));
            for (var j = 0; j < n; j++)
                if (i != j)
                {
                    var information = (_wins[i, j] + _wins[j, i]) * _strengths[i] * _strengths[j]
                        / ((_strengths[i] + _strengths[j]) * (_strengths[i] + _strengths[j]));
                    matrix[i, i] += information;
                    matrix[i, j] -= information;
                }
        }
        for (var i = 0; i < n; i++)
            matrix[i, n] = right[i];
        // The matrix is symmetric, positive definite and dominated by its diagonal: elimination needs no pivots.
        for (var pivot = 0; pivot < n; pivot++)
            for (var row = 0; row < n; row++)
            {
                if (row == pivot || matrix[row, pivot] == 0)
                    continue;
                var factor = matrix[row, pivot] / matrix[pivot, pivot];
                for (var column = pivot; column <= n; column++)
                    matrix[row, column] -= factor * matrix[pivot, column];
            }
        return [.. Enumerable.Range(0, n).Select(i => matrix[i, n] / matrix[i, i])];
    }
}

/// <summary>A model's place.</summary>
/// <param name="Model">The model.</param>
/// <param name="Rating">Its strength on Elo's scale.</param>
/// <param name="Interval">The 95 % interval: bootstrap over votes, never narrower than the information in them supports, since identical
/// votes do
/// not vary in a bootstrap.</param>
/// <param name="Wins">Votes for it.</param>
/// <param name="Losses">Votes against it.</param>
/// <param name="Ties">Votes for neither side.</param>
/// <param name="FlipsToLosePlace">
/// The smallest number of reversed votes that puts the next model before this one; if it is small, the order means little. Found by
/// reversing the
/// most influential vote first; null for the last.
/// </param>
public sealed record Standing(string Model, double Rating, Interval Interval, int Wins, int Losses, int Ties, int? FlipsToLosePlace);
