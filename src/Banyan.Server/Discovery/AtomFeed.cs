using System.Text;
using System.Xml;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Discovery;

/// <summary>An event in a feed.</summary>
/// <param name="Title">In one line.</param>
/// <param name="Path">Its page, without the leading slash.</param>
/// <param name="Id">Distinguishes it from others of the same page.</param>
/// <param name="At">Unix milliseconds.</param>
/// <param name="Author">Who did it, or null if that is not known.</param>
sealed record FeedEntry(string Title, string Path, string Id, long At, string? Author);

/// <summary>Feeds as Atom (RFC 4287): a few dozen entries, the newest first.</summary>
static class AtomFeed
{
    const string Namespace = "http://www.w3.org/2005/Atom";

    /// <summary>The most entries of a feed.</summary>
    public const int MaxEntries = 60;

    /// <summary>Answers with a feed.</summary>
    /// <param name="context">The request.</param>
    /// <param name="root">The hub's address.</param>
    /// <param name="title">What the feed is of.</param>
    /// <param name="page">The page that shows the same to people, without the leading slash.</param>
    /// <param name="entries">The newest first.</param>
    public static async Task WriteAsync(HttpContext context, string root, string title, string page, IReadOnlyList<FeedEntry> entries)
    {
        var text = new StringBuilder();
        var self = root + context.Request.Path.ToUriComponent();
        using (var xml = XmlWriter.Create(text, new() { OmitXmlDeclaration = true }))
        {
            xml.WriteStartElement("feed", Namespace);
            xml.WriteElementString("title", Clean(title));
            xml.WriteElementString("id", self);
            Link(xml, "self", self);
            Link(xml, "alternate", $"{root}/{page}");
            xml.WriteElementString("updated", HubJson.Time(entries.Select(e => e.At).DefaultIfEmpty(0).Max()));
            foreach (var entry in entries.Take(MaxEntries))
            {
                xml.WriteStartElement("entry");
                xml.WriteElementString("title", Clean(entry.Title));
                xml.WriteElementString("id", $"{root}/{entry.Path}#{entry.Id}");
                Link(xml, "alternate", $"{root}/{entry.Path}");
                xml.WriteElementString("updated", HubJson.Time(entry.At));
                xml.WriteStartElement("author");
                xml.WriteElementString("name", Clean(entry.Author ?? "unknown"));
                xml.WriteEndElement();
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
        }
        context.Response.ContentType = "application/atom+xml; charset=utf-8";
        context.Response.Headers.CacheControl = "private, no-cache";
        await context.Response.WriteAsync(text.ToString(), context.RequestAborted);
    }

    static void Link(XmlWriter xml, string rel, string address)
    {
        xml.WriteStartElement("link");
        xml.WriteAttributeString("rel", rel);
        xml.WriteAttributeString("href", address);
        xml.WriteEndElement();
    }

    /// <summary>Text without the characters that XML cannot hold, whose sender chose them.</summary>
    static string Clean(string text)
    {
        StringBuilder? clean = null;
        for (var i = 0; i < text.Length; i++)
        {
            var isPair = i + 1 < text.Length && XmlConvert.IsXmlSurrogatePair(text[i + 1], text[i]);
            if (isPair || XmlConvert.IsXmlChar(text[i]))
                clean?.Append(text[i]).Append(isPair ? text[i + 1] : null);
            else
                clean ??= new(text, 0, i, text.Length);
            i += isPair ? 1 : 0;
        }
        return clean?.ToString() ?? text;
    }
}
