using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Banyan.Server.Access;

namespace Banyan.Server.Listing;

/// <summary>What a list is sorted by.</summary>
/// <param name="Column">In SQL.</param>
/// <param name="ByName">Whether that is the name, and not a number of which several repositories may have the same.</param>
/// <param name="Ascending">The smallest first.</param>
sealed record ListOrder(string Column, bool ByName, bool Ascending)
{
    /// <exception cref="HubException">400: there is no such order.</exception>
    public static ListOrder Read(string? by, string? direction) => (by switch
    {
        // Nobody counts here what becomes popular: that sorts as downloads do.
        null or "" or "trendingScore" or "trending_score" or "downloads" => new ListOrder("r.downloads", false, false),
        "likes" => new ListOrder("r.likes", false, false),
        "lastModified" or "last_modified" or "updatedAt" or "modified" => new ListOrder("r.updated_at", false, false),
        "createdAt" or "created_at" => new ListOrder("r.created_at", false, false),
        "name" or "id" => new ListOrder("l.name_key", true, false),
        _ => throw HubException.BadRequest($"sort: '{by}' is not one of lastModified, createdAt, downloads, likes, trendingScore."),
    }) with
    { Ascending = direction == "1" };

    /// <summary>Where a list continues: after this row.</summary>
    public readonly record struct Place(string Key, long Id)
    {
        public string Text => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Id} {Key}")));

        /// <exception cref="HubException">400: it is not one.</exception>
        public static Place? Read(string? cursor, ListOrder order)
        {
            if (cursor is not { Length: > 0 })
                return null;
            if (cursor.Length < 600 && Base64Url.IsValid(cursor)
                && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor)).Split(' ', 2) is [var id, var key]
                && long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var row)
                && (order.ByName || long.TryParse(key, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)))
                return new Place(key, row);
            throw HubException.BadRequest("The cursor was not issued by this hub for this order.");
        }
    }
}
