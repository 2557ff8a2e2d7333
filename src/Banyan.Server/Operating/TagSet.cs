using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Banyan.Server.Operating;

/// <summary>
/// The tags of a series. Those of a measurement are looked up as they come, without a copy: a request makes several measurements.
/// </summary>
sealed class TagSet
{
    /// <summary>What is counted together once there are too many series.</summary>
    public static readonly TagSet Other = new([new("series", "other")]);

    /// <summary>Sets are alike that have the same tags in the same order.</summary>
    public static readonly IEqualityComparer<TagSet> Comparer = new ByTags();

    readonly KeyValuePair<string, object?>[] _tags;

    public TagSet(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        _tags = tags.ToArray();
        Text = _tags.Length == 0 ? "" : $"{{{string.Join(",", _tags.Select(t => $"{Name(t.Key)}=\"{Value(t.Value)}\""))}}}";
    }

    /// <summary>As Prometheus reads them: <c>{name="value",…}</c>, or nothing.</summary>
    public string Text { get; }

    static string Name(string name) => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));

    static string Value(object? value) => new StringBuilder(Convert.ToString(value, CultureInfo.InvariantCulture)).Replace("\\", "\\\\")
        .Replace("\"", "\\\"").Replace("\n", "\\n").ToString();

    sealed class ByTags : IEqualityComparer<TagSet>, IAlternateEqualityComparer<ReadOnlySpan<KeyValuePair<string, object?>>, TagSet>
    {
        public bool Equals(TagSet? x, TagSet? y) => ReferenceEquals(x, y) || (x is not null && y is not null && Equals(x._tags, y));

        public int GetHashCode([DisallowNull] TagSet obj) => GetHashCode(obj._tags);

        public bool Equals(ReadOnlySpan<KeyValuePair<string, object?>> alternate, TagSet other)
        {
            if (alternate.Length != other._tags.Length)
                return false;
            for (var i = 0; i < alternate.Length; i++)
                if (alternate[i].Key != other._tags[i].Key || !Equals(alternate[i].Value, other._tags[i].Value))
                    return false;
            return true;
        }

        public int GetHashCode(ReadOnlySpan<KeyValuePair<string, object?>> alternate)
        {
            var hash = new HashCode();
            foreach (var (_, value) in alternate)
                hash.Add(value);
            return hash.ToHashCode();
        }

        public TagSet Create(ReadOnlySpan<KeyValuePair<string, object?>> alternate) => new(alternate);
    }
}
