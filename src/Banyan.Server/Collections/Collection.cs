using System.Globalization;
using System.Text;
using Banyan.Server.Accounts;
using Banyan.Server.Repos;

namespace Banyan.Server.Collections;

/// <summary>A user's list of repositories and other collections, with notes.</summary>
public sealed record Collection
{
    /// <summary>Row in <c>collections</c>.</summary>
    public long Id { get; init; }

    /// <summary>Row of its owner.</summary>
    public long OwnerId { get; init; }

    /// <summary>Name of its owner.</summary>
    public string Owner { get; init; } = "";

    /// <summary>What it is called.</summary>
    public string Title { get; init; } = "";

    /// <summary>What it is for, as plain text; or null.</summary>
    public string? Description { get; init; }

    /// <summary>Visible only to its owner.</summary>
    public bool Private { get; init; }

    /// <summary>A colour.</summary>
    public string Theme { get; init; } = "";

    /// <summary>Among its owner's.</summary>
    public int Position { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long UpdatedAt { get; init; }

    /// <summary>Its name in addresses, <c>ana/for-phones-00…2a</c>: the words follow the title, the digits stay.</summary>
    public string Slug => $"{Owner}/{Words(Title)}-{WhoAmI.Id(Id)}";

    /// <summary>Its page.</summary>
    public string Path => $"/collections/{Slug}";

    const int MaxWords = 80, IdDigits = 24;

    /// <summary>The row that the last part of an address names, or null.</summary>
    internal static long? IdOf(string slug) =>
        slug.Length >= IdDigits && long.TryParse(slug.AsSpan(slug.Length - IdDigits), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out var id) && id > 0 ? id : null;

    static string Words(string title)
    {
        var words = new StringBuilder();
        foreach (var c in title.ToLowerInvariant().SelectMany(Search.Words.Plain))
            if (char.IsAsciiLetterOrDigit(c))
                words.Append(c);
            else if (words.Length > 0 && words[^1] != '-' && CharUnicodeInfo.GetUnicodeCategory(c) != UnicodeCategory.NonSpacingMark)
                words.Append('-');
        var text = words.ToString(0, Math.Min(words.Length, MaxWords)).Trim('-');
        return text.Length > 0 ? text : "collection";
    }
}

/// <summary>Something in a collection, in the database.</summary>
sealed record CollectionRow
{
    /// <summary>Row in <c>collection_items</c>.</summary>
    public long Id { get; init; }

    /// <summary>The repository, or null.</summary>
    public long? RepoId { get; init; }

    /// <summary>The collection, or null.</summary>
    public long? LinkedId { get; init; }

    public int Position { get; init; }

    public string? Note { get; init; }
}

/// <summary>Something in a collection that its reader may see: a repository or a collection.</summary>
/// <param name="Id">Row of the item.</param>
/// <param name="Position">Its place.</param>
/// <param name="Note">What is said about it, as plain text; or null.</param>
/// <param name="Repo">The repository, or null.</param>
/// <param name="Linked">The collection, or null.</param>
public sealed record CollectionItem(long Id, int Position, string? Note, Repo? Repo, Collection? Linked);
