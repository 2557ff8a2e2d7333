using System.Globalization;
using System.Text;
using System.Xml;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Listing;

/// <summary><c>/feed</c>: what changed last of what everyone may see, as Atom (RFC 4287); and what search engines are told.</summary>
sealed class Feed(ListSearch search, HubAddress address)
{
    const int PerType = 20;

    public async Task ShowAsync(HttpContext context)
    {
        var rows = new List<Repo>();
        foreach (var type in RepoTypes.All)
            rows.AddRange((await search.PageAsync(Caller.Anonymous, new ListFilter { Type = type }, ListOrder.Read("lastModified", null), null, PerType, context.RequestAborted)).Rows.Select(r => r.Repo));
        var (root, text) = (address.Root(context), new StringBuilder());
        using (var xml = XmlWriter.Create(text, new() { OmitXmlDeclaration = true }))
        {
            xml.WriteStartElement("feed", "http://www.w3.org/2005/Atom");
            xml.WriteElementString("title", "What changes on this hub");
            xml.WriteElementString("id", $"{root}/feed");
            xml.WriteElementString("updated", HubJson.Time(rows.Select(r => r.UpdatedAt).DefaultIfEmpty(0).Max()));
            foreach (var repo in rows.OrderByDescending(r => r.UpdatedAt))
            {
                xml.WriteStartElement("entry");
                xml.WriteElementString("title", $"{repo.FullName} ({repo.Type.Text()})");
                xml.WriteElementString("id", string.Create(CultureInfo.InvariantCulture, $"{root}/{repo.Path}#{repo.UpdatedAt}"));
                xml.WriteStartElement("link");
                xml.WriteAttributeString("href", $"{root}/{repo.Path}");
                xml.WriteEndElement();
                xml.WriteElementString("updated", HubJson.Time(repo.UpdatedAt));
                xml.WriteStartElement("author");
                xml.WriteElementString("name", repo.Owner);
                xml.WriteEndElement();
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
        }
        context.Response.ContentType = "application/atom+xml; charset=utf-8";
        await context.Response.WriteAsync(text.ToString(), context.RequestAborted);
    }

    /// <summary><c>/robots.txt</c>: pages are for finding; forms, histories and files by the thousand are not.</summary>
    public static Task RobotsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync("User-agent: *\nDisallow: /api/\nDisallow: /settings/\nDisallow: /login\nDisallow: /join\nDisallow: /*/resolve/\nDisallow: /*/raw/\nDisallow: /*/commit/\nDisallow: /*/commits/\n", context.RequestAborted);
    }
}
